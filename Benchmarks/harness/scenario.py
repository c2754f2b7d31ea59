"""Scenarios and contenders as data. A scenario answers one question; contenders are what it compares."""

from dataclasses import dataclass

GIB = 1 << 30
MIB = 1 << 20


@dataclass(frozen=True)
class Contender:
    """One way to do the work: the commands of both ends.

    In the commands, {host} and {port} are the receiver's, {bytes} the amount, {seconds} the time where it is time
    that is given, {braid} the built program,
    {benchmarks} this project's folder Benchmarks, {scratch} a folder in memory, {disk} a folder on the
    disk of $TMPDIR (/var/tmp), {nc} the OpenBSD variant of nc.
    """

    name: str
    send: str
    receive: str
    # What `send` takes from its stdin and `receive` gives to its stdout. False: memory to memory.
    piped: bool = True
    # "braid" or "iperf3": the sender moves what it can in a time, and prints in this tool's JSON how much it was;
    # amount and seconds of the sample are its own then.
    reports: str = ""
    # The receiver is a server that stays; it is ended when the sender is done.
    stays: bool = False
    # Commands that prepare a host of the lab before each run, as pairs of a or b, and the command.
    prepare: tuple = ()
    # The place on the x axis, for scenarios that vary something; None: the name is the place.
    x: float | None = None
    # Another amount than the scenario's, for scenarios that vary it.
    size: int | None = None
    # Of the scenario's amount: for one that is known to be slow, so that all run about equally long.
    share: float = 1
    # Other options of `netlab up` than the scenario's, for a comparison across set-ups.
    lab: tuple | None = None
    # The Debian package that brings the program, for its version and for what to install.
    package: str = ""


@dataclass(frozen=True)
class Scenario:
    """One question, the set-up that answers it, and who takes part."""

    name: str
    question: str
    setup: str
    # "typical" or "best case": what a reader may expect to see again.
    case: str
    contenders: tuple
    size: int
    # For `--short`, where the same takes too long.
    short_size: int | None = None
    runs: int = 5
    warmups: int = 1
    # Options of `netlab up`; None: loopback. Each round has a seed of its own, since with
    # one seed the ports of some tools would always have the same luck.
    lab: tuple | None = None
    # Further commands to netlab once it is up, such as ("loss", "1", "5").
    lab_commands: tuple = ()
    # "transfer": rate, cost. "latency": to the first byte, and one line through a running tool.
    kind: str = "transfer"
    # The contender that the table's ratios refer to.
    baseline: str = "nc"
    # What the x axis shows, for scenarios that vary something.
    axis: str = ""
    # Leaves the scenario out of `--short`.
    long: bool = False
    # A command that disturbs the run, repeated on host a every `disturb_every` seconds while it lasts.
    disturb: str = ""
    disturb_every: float = 0.5


def measured_seconds(short):
    """How long a run from memory to memory takes: long against any start-up."""
    return 2 if short else 5


def counting_runs(scenario, options):
    """Runs of each contender that count; three still have a median."""
    return options.runs or (min(scenario.runs, 3) if options.short else scenario.runs)


def amount(scenario, contender, short):
    """Bytes that a contender moves in one run."""
    if contender.size is not None:
        return contender.size
    size = scenario.short_size if short and scenario.short_size else scenario.size
    return int(size * contender.share)
