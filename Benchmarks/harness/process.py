"""Processes that are started in a host's network, limited in time, and paid for: CPU seconds and memory."""

import contextlib
import ctypes
import os
import shlex
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
SAMPLING_SECONDS = 0.1  # Fine enough for a curve of a transfer of seconds, and a thousandth of a core.


class Failed(Exception):
    """A contender that did not do its work: the run counts for nothing."""


class Process:
    """One program, with pipes as given, in the network namespace `namespace` or in the caller's."""

    def __init__(self, command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, namespace=None):
        self.arguments = shlex.split(command)
        prefix = ["ip", "netns", "exec", namespace] if namespace else []
        # A file, not a pipe: nobody has to read it while the program runs.
        self.messages = os.memfd_create("stderr")
        self.popen = subprocess.Popen(
            prefix + self.arguments, stdin=stdin, stdout=stdout, stderr=self.messages, process_group=0)
        self.pid = self.popen.pid
        self.usage = None
        self.status = None
        self.peak_memory = 0

    def note_memory(self):
        """Notes the peak resident memory so far. Not taken from rusage: that counts the harness, too,

        since a child starts as a copy of its parent.
        """
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.pid}/status", encoding="ascii") as lines:
                for line in lines:
                    if line.startswith("VmHWM:"):
                        self.peak_memory = max(self.peak_memory, int(line.split()[1]) * 1024)

    def wait(self):
        """Waits for the end; the time limit is the deadline's."""
        if self.status is None:
            _, status, self.usage = os.wait4(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)
            self.popen.returncode = self.status
        return self.status

    def kill(self):
        """Ends the program and what it has started; harmless when it has ended."""
        if self.status is None:
            with contextlib.suppress(OSError):
                os.killpg(self.pid, 9)

    def told(self):
        """The last line that the program wrote to stderr."""
        size = os.fstat(self.messages).st_size
        text = os.pread(self.messages, 4096, max(0, size - 4096)).decode(errors="replace")
        lines = [line for line in text.replace("\r", "\n").splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def cost(self):
        """CPU seconds, of the program and of the children that it waited for, and peak resident memory."""
        return {
            "cpu_user": self.usage.ru_utime,
            "cpu_system": self.usage.ru_stime,
            "peak_memory": self.peak_memory,
        }

    def close(self):
        """Ends the program if it still runs, and frees what belongs to it."""
        self.kill()
        self.wait()
        os.close(self.messages)


class Deadline:
    """Kills processes when their time is over, so that a contender that hangs costs one run only."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.processes = []
        self.passed = False
        self.timer = threading.Timer(seconds, self._pass)
        self.timer.daemon = True
        self.timer.start()

    def _pass(self):
        self.passed = True
        for process in list(self.processes):
            process.kill()

    def start(self, *arguments, **options):
        """Starts a process under this deadline."""
        process = Process(*arguments, **options)
        self.processes.append(process)
        if self.passed:
            process.kill()
        return process

    def cancel(self):
        """Lets no process survive."""
        self.timer.cancel()
        for process in self.processes:
            process.close()


class Sampler:
    """A thread that calls `take` every SAMPLING_SECONDS, in a network namespace, and keeps what it returns."""

    def __init__(self, take, namespace=None):
        self.samples = []
        self._take = take
        self._namespace = namespace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        if self._namespace:
            with open(f"/run/netns/{self._namespace}", encoding="ascii") as namespace:
                if ctypes.CDLL(None).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    return
        while True:
            self.samples.append((time.monotonic(), self._take()))
            if self._stop.wait(SAMPLING_SECONDS):
                break
        self.samples.append((time.monotonic(), self._take()))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def wait_until_listening(process, port, deadline):
    """Returns when something listens on a port in the network of `process`.

    It looks and does not connect: a connection would be taken for the sender's.
    """
    suffix = f":{port:04X}"
    while not deadline.passed:
        for table in ("tcp", "tcp6"):
            with contextlib.suppress(OSError):
                with open(f"/proc/{process.pid}/net/{table}", encoding="ascii") as lines:
                    for line in lines:
                        fields = line.split()
                        if fields[1].endswith(suffix) and fields[3] == "0A":
                            return
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            raise Failed(f"the receiver ended before it listened: {process.told()}")
        time.sleep(0.005)
    raise Failed("the receiver did not listen in time")
