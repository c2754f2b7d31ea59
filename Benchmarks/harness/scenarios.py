"""The scenarios: each a question that somebody who has to choose or to trust a tool would ask."""

from dataclasses import replace

from harness.contenders import (
    BARE_COPY, BARE_SPLICE, BRAID_DISKS, DD_NC, DISK_BOTH, DISK_READ, DISK_WRITE, MBUFFER, MPTCP, NBDCOPY,
    NBDCOPY_DISKS, NC, RSYNC, SOCAT, braid, braid_bench, iperf3, iperf3_timed, nuttcp_timed,
)
from harness.scenario import GIB, MIB, Scenario

FOUR = ("-l", "1gbit 1gbit 1gbit 1gbit")
FAST = ("-l", "4gbit")
ZEROES = "zeroes from a pipe"


def loopback(name, question, contenders, **options):
    """A scenario on loopback, pipe to pipe."""
    defaults = {
        "setup": f"loopback, {ZEROES} of head to a pipe to cat",
        "case": "best case",
        "size": 8 * GIB,
        "short_size": 2 * GIB,
        "contenders": tuple(contenders),
    }
    return Scenario(name=name, question=question, **{**defaults, **options})


def bonded(name, question, contenders, lab=FOUR, **options):
    """A scenario in the lab."""
    defaults = {
        "setup": f"netlab {' '.join(lab)}, {ZEROES} to /dev/null",
        "case": "typical",
        "size": 4 * GIB,
        "short_size": 1 * GIB,
        "contenders": tuple(contenders),
    }
    return Scenario(name=name, question=question, lab=lab, **{**defaults, **options})


def varied(option, values, both_ends=False):
    """braid once for each value of an option, given as pairs of text and place on the x axis."""
    return [
        braid(
            f"{option} {value}", name=f"{option[2:]} {value}", x=place,
            receive=f"{option} {value}" if both_ends else "")
        for value, place in values
    ]


def numbered(*numbers):
    return [(str(number), number) for number in numbers]


PEERS = (NC, SOCAT, MBUFFER)
NC_ON_ONE_LINK = replace(NC, share=0.25)

SCENARIOS = (
    loopback(
        "loopback",
        "How much does braid move and cost where the network is no limit?",
        [braid("--connections 4"), *PEERS, BARE_COPY, BARE_SPLICE],
    ),
    loopback(
        "memory-to-memory",
        "And without pipes, against a tool that only measures?",
        [
            braid_bench(),
            braid_bench("--checksum", name="braid bench, checksums"),
            iperf3_timed(1), iperf3_timed(4), iperf3_timed(1, "-Z"), iperf3_timed(4, "-Z"),
            nuttcp_timed(1), nuttcp_timed(4),
            # What braid chooses on loopback, where the kernel's own default may be slower.
            iperf3_timed(1, "-C reno"), iperf3_timed(4, "-C reno"),
        ],
        setup="loopback, from memory to memory",
        baseline="iperf3 -P 4",
    ),
    bonded(
        "bonds",
        "How much of four equal links does each tool fill, as it is started by default?",
        [braid(), NC_ON_ONE_LINK, iperf3(4), NBDCOPY, MPTCP],
        size=2 * GIB,
    ),
    bonded(
        "disks",
        "And from file to file, until it is on the disk?",
        [BRAID_DISKS, DD_NC, NBDCOPY_DISKS, RSYNC, DISK_READ, DISK_WRITE, DISK_BOTH],
        setup=f"netlab {' '.join(FOUR)}, random bytes, both files on the same disk",
        baseline=DISK_BOTH.name,
        size=2 * GIB,
        # Neither file is cached, so that the first run is like the others.
        warmups=0,
        runs=3,
    ),
    bonded(
        "unequal",
        "Are links of different speed filled too?",
        [braid(), NC_ON_ONE_LINK, MPTCP],
        lab=("-l", "1gbit 1gbit 100mbit 2500mbit"),
    ),
    bonded(
        "switch",
        "And behind a switch that hashes once more?",
        [braid(), NC_ON_ONE_LINK, iperf3(4)],
        lab=(*FOUR, "-w"),
        size=8 * GIB,
        short_size=2 * GIB,
    ),
    bonded(
        "bbr",
        "And with bbr in place of cubic?",
        [braid(), NC_ON_ONE_LINK, MPTCP],
        lab=(*FOUR, "-c", "bbr"),
        long=True,
    ),
    bonded(
        "plain",
        "What does braid cost where there is only one link to fill?",
        [braid(), NC, MBUFFER],
        lab=("-l", "1gbit"),
        size=1 * GIB,
        short_size=512 * MIB,
        long=True,
    ),
    bonded(
        "cost",
        "What does a GiB cost at 4 Gbit/s: over four links, and for others over one of that speed?",
        [braid(), MPTCP, *(replace(each, lab=FAST) for each in (braid(name="braid, one link"), NC, MBUFFER, SOCAT))],
        setup="netlab: braid and MPTCP with four links of 1 Gbit/s, the others with one of 4 Gbit/s",
        size=2 * GIB,
        short_size=1 * GIB,
        long=True,
    ),
    bonded(
        "loss",
        "And when two of four links lose one packet in 1000?",
        [braid(), MPTCP],
        baseline="braid",
        long=True,
        lab_commands=(("loss", "1", "1"), ("loss", "2", "1")),
    ),
    bonded(
        "killed-connections",
        "What does it cost when a random connection is killed twice a second?",
        [braid()],
        baseline="braid",
        disturb="ss -tHn4 dst 10.99.0.2 | shuf -n 1 | awk '{print $4}' | sed 's/.*://' "
        "| xargs -r -I{} ss -tKn4 dst 10.99.0.2 sport = :{} >/dev/null",
        long=True,
    ),
    loopback(
        "connections",
        "Does the number of connections matter?",
        varied("--connections", numbered(1, 2, 4, 8, 16, 64, 256)),
        axis="connections",
        baseline="connections 4",
        size=4 * GIB,
        long=True,
    ),
    loopback(
        "length",
        "Do memory and cost stay the same for a long stream?",
        [braid("--connections 4", name=f"{n} GiB", x=n, size=n * GIB) for n in (1, 4, 16, 64)],
        axis="GiB",
        baseline="1 GiB",
        runs=3,
        long=True,
    ),
    loopback(
        "frame-size",
        "Which frame size?",
        varied("--frame-size", [("64K", 64), ("128K", 128), ("256K", 256), ("512K", 512), ("1M", 1024)]),
        axis="KiB",
        baseline="frame-size 256K",
        size=4 * GIB,
        long=True,
    ),
    loopback(
        "memory",
        "How much memory does it take to be fast?",
        varied("--memory", [("4M", 4), ("8M", 8), ("16M", 16), ("32M", 32), ("64M", 64)], both_ends=True),
        axis="MiB",
        baseline="memory 32M",
        size=4 * GIB,
        long=True,
    ),
    loopback(
        "zero-copy",
        "Does zero-copy send help where the kernel copies anyway?",
        [braid(f"--zerocopy {mode}", name=f"zerocopy {mode}") for mode in ("auto", "on", "off")],
        baseline="zerocopy auto",
        size=4 * GIB,
        long=True,
    ),
    loopback(
        "latency",
        "How soon is the first byte through, and how soon a small line?",
        [braid("--connections 4"), NC, SOCAT],
        setup="loopback, lines of 6 bytes, one every 20 ms",
        case="typical",
        kind="latency",
    ),
)


def named(names):
    """The scenarios of these names; raises KeyError."""
    every = {scenario.name: scenario for scenario in SCENARIOS}
    return [every[name] for name in names]
