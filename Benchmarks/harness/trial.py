"""One run of one contender.

The clock runs from the start of the sender, with the receiver listening, until both ends and the consumer have ended:
payload over wall time of the whole transfer, set-up included. CPU seconds are those of the contender's own processes;
the generator (`head`) and the consumer (`cat`) are paid for separately.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

from harness import machine
from harness.process import Deadline, Failed, Sampler, wait_until_listening
from harness.scenario import MIB

BENCHMARKS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOWEST_RATE = 20e6  # Bytes per second below which a run counts as hung; the slowest link of a lab carries 6 times that.
SPARE_SECONDS = 20  # For start and end, on a busy machine.


def program():
    """The program under test."""
    return os.environ.get("BRAID") or os.path.join(os.path.dirname(BENCHMARKS), ".build/release/braid")


class Places:
    """Fills the names in a contender's commands; counts the ports up, so that no run meets the last one's."""

    def __init__(self, scratch, disk, seconds):
        self.lab = None
        self.seconds = seconds
        self.scratch = scratch
        self.disk = disk
        self._port = 21000 + os.getpid() % 1000 * 7

    def next(self, size):
        """The values for one run."""
        self._port += 1
        # A second one, for a tool that needs two, from a range that the first does not reach.
        return {
            "host": self.lab.host_b if self.lab else "127.0.0.1",
            "port": self._port,
            "data_port": self._port + 8000,
            "bytes": size,
            "seconds": self.seconds,
            "scratch": self.scratch,
            "disk": self.disk,
            "braid": program(),
            "benchmarks": BENCHMARKS,
            "nc": shutil.which("nc.openbsd") or "nc",
        }

    def namespace(self, host):
        """The network namespace of host a or b, None on loopback."""
        return self.lab.namespace(host) if self.lab else None


def missing_program(contender, values):
    """The program of a contender that is not installed, or None."""
    for command in (contender.send, contender.receive):
        program = command.format(**values).split()[0]
        if not shutil.which(program):
            return program
    return None


@contextlib.contextmanager
def disturbance(scenario, lab):
    """Repeats the scenario's disturbing command while the block runs; yields how often it did, in a list."""
    done = [0]
    stop = threading.Event()

    def disturb():
        while not stop.wait(scenario.disturb_every):
            lab.command("a", scenario.disturb)
            done[0] += 1

    if not scenario.disturb:
        yield done
        return
    thread = threading.Thread(target=disturb, daemon=True)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()


def transfer(scenario, contender, places, size):
    """Runs one transfer and returns its sample; raises Failed."""
    values = places.next(size)
    lab = places.lab
    for host, command in contender.prepare:
        lab.command(host, command.format(**values))
    deadline = Deadline(SPARE_SECONDS + size / LOWEST_RATE)
    try:
        with contextlib.ExitStack() as stack:
            receiver, consumer = start_receiver(contender, places, values, deadline)
            wait_until_listening(receiver, values["port"], deadline)
            series = stack.enter_context(lab.watch()) if lab else {}
            disturbed = stack.enter_context(disturbance(scenario, lab))
            busy, stolen = machine.busy_seconds()
            start = time.monotonic()
            printed = tempfile.TemporaryFile() if contender.reports else subprocess.DEVNULL
            sender, feeder = start_sender(contender, places, values, deadline, printed)
            stack.enter_context(Sampler(lambda: [end.note_memory() for end in (sender, receiver)]))
            sender.wait()
            check(sender, "sender", deadline)  # At once: the receiver of one that failed may wait for ever.
            if contender.stays:
                receiver.popen.send_signal(15)
            receiver.wait()
            for helper in (feeder, consumer):
                if helper:
                    helper.wait()
            seconds = time.monotonic() - start
            busy_after, stolen_after = machine.busy_seconds()
        if not contender.stays:
            check(receiver, "receiver", deadline)
        sample = {
            "bytes": size,
            "seconds": seconds,
            "sender": sender.cost(),
            "receiver": receiver.cost(),
            "around": [helper.cost() for helper in (feeder, consumer) if helper],
            "stolen": stolen_after - stolen,
            "told": sender.told(),
        }
        own = sum(cost["cpu_user"] + cost["cpu_system"]
                  for cost in (sample["sender"], sample["receiver"], *sample["around"]))
        sample["others"] = max(0.0, busy_after - busy - own)
        if contender.reports:
            printed.seek(0)
            sample["bytes"], sample["seconds"] = reported(contender.reports, printed.read())
            printed.close()
        if scenario.disturb:
            sample["disturbed"] = disturbed[0]
        if lab:
            sample["links"] = {
                side: [[round(when - start, 3), counts] for when, counts in samples]
                for side, samples in series.items()
            }
        return sample
    finally:
        deadline.cancel()


def check(end, name, deadline):
    """Raises Failed unless an end, which is over, was in time and has succeeded."""
    if deadline.passed:
        raise Failed(f"not done after {deadline.seconds:.0f} s")
    if end.status != 0:
        raise Failed(f"{name} ended with status {end.status}: {end.told()}")


def start_receiver(contender, places, values, deadline):
    """Starts the receiving end; on loopback with `cat >/dev/null` behind it, in a lab to /dev/null."""
    command = contender.receive.format(**values)
    namespace = places.namespace("b")
    if not contender.piped or places.lab:
        return deadline.start(command, namespace=namespace), None
    reading, writing = os.pipe()  # As a shell makes it.
    consumer = deadline.start("cat", stdin=reading)
    receiver = deadline.start(command, stdout=writing, namespace=namespace)
    os.close(reading)
    os.close(writing)
    return receiver, consumer


def reported(tool, text):
    """Bytes that the receiver has got, and in how many seconds, as the sender printed it; raises Failed."""
    try:
        if tool == "nuttcp":
            words = dict(word.split("=", 1) for word in text.decode().split() if "=" in word)
            return int(float(words["megabytes"]) * MIB), float(words["real_seconds"])
        document = json.loads(text)
        if tool == "iperf3":
            received = document["end"]["sum_received"]
            return received["bytes"], received["seconds"]
        run = document["runs"][0]
        return run["bytes"], run["seconds"]
    except (ValueError, KeyError, IndexError) as error:
        raise Failed(f"no figures in what {tool} printed: {error!r}") from error


def start_sender(contender, places, values, deadline, printed=subprocess.DEVNULL):
    """Starts the sending end, behind `head -c BYTES /dev/zero` if it takes its data from a pipe."""
    command = contender.send.format(**values)
    namespace = places.namespace("a")
    if not contender.piped:
        return deadline.start(command, stdout=printed, namespace=namespace), None
    reading, writing = os.pipe()
    sender = deadline.start(command, stdin=reading, namespace=namespace)
    feeder = deadline.start(f"head -c {values['bytes']} /dev/zero", stdout=writing)
    os.close(reading)
    os.close(writing)
    return sender, feeder


LINES = 50  # Of which the median is taken.
LINE_PAUSE = 0.02  # Lets both ends fall asleep between two lines, as they do behind `tail -f`.


def line_latency(contender, places):
    """Seconds from the first byte's chance to leave to its arrival, and for small lines once connected.

    `startup` is from the start of the sender, whose input is ready, to the first byte out of the receiver; `lines` are
    the times from writing a line of 6 bytes to the sender to reading it from the receiver.
    """
    values = places.next(0)
    deadline = Deadline(SPARE_SECONDS + LINES * LINE_PAUSE)
    opened = []
    try:
        from_receiver, to_consumer = os.pipe()
        from_feeder, to_sender = os.pipe()
        opened = [from_receiver, to_sender]
        receiver = deadline.start(
            contender.receive.format(**values), stdout=to_consumer, namespace=places.namespace("b"))
        os.close(to_consumer)
        wait_until_listening(receiver, values["port"], deadline)
        os.write(to_sender, b"start\n")
        start = time.monotonic()
        sender = deadline.start(
            contender.send.format(**values), stdin=from_feeder, namespace=places.namespace("a"))
        os.close(from_feeder)
        if os.read(from_receiver, 64) != b"start\n":
            raise Failed(f"the first line did not arrive: {sender.told() or receiver.told()}")
        startup = time.monotonic() - start
        lines = []
        for number in range(LINES):
            time.sleep(LINE_PAUSE)
            line = b"%05d\n" % number
            start = time.monotonic()
            os.write(to_sender, line)
            if os.read(from_receiver, 64) != line:
                raise Failed("a line did not arrive as it was sent")
            lines.append(time.monotonic() - start)
        os.close(opened.pop())
        sender.wait()
        receiver.wait()
        if sender.status or receiver.status:
            raise Failed(f"ended with {sender.status} and {receiver.status}: {sender.told()}")
        return {"startup": startup, "lines": lines}
    finally:
        deadline.cancel()
        for descriptor in opened:
            os.close(descriptor)


def run(scenario, contender, places, size):
    """One sample of a contender, for a scenario of any kind."""
    if scenario.kind == "latency":
        return line_latency(contender, places)
    return transfer(scenario, contender, places, size)
