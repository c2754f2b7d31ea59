"""The tools that take part, with the options that their own documentation recommends for the job."""

from dataclasses import replace

from harness.scenario import Contender

MEASURED_SECONDS = 5  # Of scenarios from memory to memory: long against any start-up.


def braid(options="", name="braid", receive="", **changes):
    """braid with some options for the sender, and for the receiver; without any, as a new user starts it."""
    return replace(
        Contender(
            name,
            send=f"{{braid}} send {{host}}:{{port}} {options}".strip(),
            receive=f"{{braid}} receive --listen {{port}} {receive}".strip(),
        ),
        **changes,
    )


NC = Contender("nc", send="{nc} -N {host} {port}", receive="{nc} -l {port}", package="netcat-openbsd")

MBUFFER = Contender(
    "mbuffer",
    send="mbuffer -q -s 1M -m 256M -O {host}:{port}",
    receive="mbuffer -q -s 1M -m 256M -I {port}",
    package="mbuffer",
)

SOCAT = Contender(
    "socat",
    send="socat -u -b 1048576 STDIN TCP:{host}:{port}",
    receive="socat -u -b 1048576 TCP-LISTEN:{port},reuseaddr STDOUT",
    package="socat",
)

# The two limits: nothing is done with the data, not even a checksum.
BARE_COPY = Contender(
    "bare read/write",
    send="{benchmarks}/bare send copy {port}",
    receive="{benchmarks}/bare receive copy {port}",
)
BARE_SPLICE = Contender(
    "bare splice",
    send="{benchmarks}/bare send splice {port}",
    receive="{benchmarks}/bare receive splice {port}",
)


def iperf3(streams, options="", name=None):
    """iperf3, memory to memory, its ports by chance."""
    return Contender(
        name or f"iperf3 -P {streams}",
        send=f"iperf3 -c {{host}} -p {{port}} -P {streams} -n {{bytes}} {options}".strip(),
        receive="iperf3 -s -1 -p {port}",
        piped=False,
        package="iperf3",
    )


def braid_bench(options="", name="braid bench"):
    """braid from memory to memory."""
    return Contender(
        name,
        send=f"{{braid}} bench {{host}}:{{port}} --time {MEASURED_SECONDS} --omit 0 --json {options}".strip(),
        receive="{braid} bench --listen {port} --quiet",
        piped=False,
        stays=True,
        reports="braid",
    )


def iperf3_timed(streams, options="", name=None):
    """iperf3 for the same time, with what its receiver has got."""
    return Contender(
        name or f"iperf3 -P {streams} {options}".strip(),
        send=f"iperf3 -c {{host}} -p {{port}} -P {streams} -t {MEASURED_SECONDS} -J {options}".strip(),
        receive="iperf3 -s -1 -p {port}",
        piped=False,
        reports="iperf3",
        package="iperf3",
    )


# From a file of zeroes in memory to a plug-in that forgets; the options keep nbdcopy from skipping the zeroes.
NBDCOPY = Contender(
    "nbdcopy, 4 connections",
    send="nbdcopy --no-extents --sparse=0 --connections=4 {scratch}/zeroes nbd://{host}:{port}",
    receive="nbdkit -f -p {port} null {bytes}",
    prepare=(("a", "truncate -s {bytes} {scratch}/zeroes"),),
    piped=False,
    stays=True,
    share=0.5,
    package="libnbd-bin",
)

# The receiver's other addresses are announced; the sender's kernel opens one subflow to each.
MPTCP = Contender(
    "MPTCP, 4 addresses",
    send="{benchmarks}/mptcp send 10.99.1.2 {port}",
    receive="{benchmarks}/mptcp receive {port}",
    prepare=(
        ("a", "ip mptcp endpoint flush; ip mptcp limits set subflows 8 add_addr_accepted 8"),
        (
            "b",
            "ip mptcp endpoint flush; ip mptcp limits set subflows 8 add_addr_accepted 8; "
            "for i in 2 3 4; do ip mptcp endpoint add 10.99.$i.2 dev b$i signal; done",
        ),
    ),
)
