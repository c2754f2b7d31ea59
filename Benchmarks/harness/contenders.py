"""The tools that take part, with the options that their own documentation recommends for the job."""

from dataclasses import replace

from harness.scenario import Contender


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
        send=f"{{braid}} bench {{host}}:{{port}} --time {{seconds}} --omit 0 --json {options}".strip(),
        receive="{braid} bench --listen {port} --quiet",
        piped=False,
        stays=True,
        reports="braid",
    )


def iperf3_timed(streams, options="", name=None):
    """iperf3 for the same time, with what its receiver has got."""
    return Contender(
        name or f"iperf3 -P {streams} {options}".strip(),
        send=f"iperf3 -c {{host}} -p {{port}} -P {streams} -t {{seconds}} -J {options}".strip(),
        receive="iperf3 -s -1 -p {port}",
        piped=False,
        reports="iperf3",
        package="iperf3",
    )


def nuttcp_timed(streams):
    """nuttcp for the same time, with what its receiver has got; its data have ports of their own."""
    return Contender(
        f"nuttcp -N {streams}",
        send=f"nuttcp -t -fparse -N{streams} -T{{seconds}} -P {{port}} -p {{data_port}} {{host}}",
        receive="nuttcp -1 --nofork -P {port}",
        piped=False,
        reports="nuttcp",
        package="nuttcp",
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

# From {disk}/source to {disk}/target, each until the target's bytes are on the disk; neither is in the page cache
# when a run begins.
SOURCE = (
    "a",
    "test -s {disk}/source || head -c {bytes} /dev/urandom >{disk}/source; sync {disk}/source; "
    "dd if={disk}/source iflag=nocache count=0 status=none; rm -f {disk}/target; sync -f {disk}/source; sleep 1",
)


def disk_to_disk(name, send, receive, *prepare, **changes):
    """A copy from file to file."""
    return Contender(name, send=send, receive=receive, prepare=(SOURCE, *prepare), piped=False, **changes)


def disk_alone(name, command):
    """What the disk does by itself; nc only listens, as the harness wants it of a receiver."""
    return disk_to_disk(name, f"sh -c '{command}'", "{nc} -l {port}", stays=True)


READING = "dd if={disk}/source of=/dev/null bs=1M iflag=direct status=none"
WRITING = "head -c {bytes} /dev/zero | dd of={disk}/target bs=1M iflag=fullblock oflag=direct conv=fsync status=none"
DISK_READ = disk_alone("the disk, read", READING)
DISK_WRITE = disk_alone("the disk, written", WRITING)
DISK_BOTH = disk_alone("the disk, both at once", READING + " & " + WRITING + "; wait")

BRAID_DISKS = disk_to_disk(
    "braid",
    "{braid} send {host}:{port} --input {disk}/source",
    "{braid} receive --listen {port} --output {disk}/target",
)
# In place of nc's own exit, which may be long before the disk's.
DD_NC = disk_to_disk(
    "dd and nc",
    "sh -c 'dd if={disk}/source bs=1M status=none | {nc} -N {host} {port}'",
    "sh -c '{nc} -l {port} | dd of={disk}/target bs=1M iflag=fullblock conv=fsync status=none'",
    package="netcat-openbsd",
)
NBDCOPY_DISKS = disk_to_disk(
    "nbdcopy, 4 connections",
    "nbdcopy --connections=4 --flush {disk}/source nbd://{host}:{port}",
    "nbdkit -f -p {port} file {disk}/target",
    ("b", "truncate -s {bytes} {disk}/target"),
    stays=True,
    package="libnbd-bin",
)
RSYNC = disk_to_disk(
    "rsync --inplace",
    "rsync --inplace --whole-file --fsync {disk}/source rsync://{host}:{port}/disk/target",
    "rsync --daemon --no-detach --port={port} --config={scratch}/rsyncd.conf",
    ("b", "printf 'use chroot = no\nuid = root\n[disk]\npath = {disk}\nread only = no\n' >{scratch}/rsyncd.conf"),
    stays=True,
    package="rsync",
)
