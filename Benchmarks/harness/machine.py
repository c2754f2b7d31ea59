"""Where and when a result was made: without this a number says nothing."""

import datetime
import os
import platform
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def output(*command):
    """The output of a command, or an empty text."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=10, cwd=HERE, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def processor():
    """The name of the processor."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_bytes():
    """The memory of the machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def governor():
    """How the processor's frequency is governed, if it is."""
    try:
        with open("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "none"


def busy_seconds():
    """CPU seconds so far: busy with anything, and stolen, which the host of a virtual machine gave to others.

    What a run did not use itself of the first, and the second, spoil it.
    """
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, interrupts, soft, stolen = map(int, file.readline().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + interrupts + soft) / tick, stolen / tick


def wait_for_calm(seconds):
    """Waits until others use less than a tenth of a core, `seconds` at most."""
    for _ in range(round(seconds * 2)):
        busy, stolen = busy_seconds()
        time.sleep(0.5)
        busy_after, stolen_after = busy_seconds()
        if busy_after - busy + stolen_after - stolen < 0.05 + 1e-9:
            return


def package_version(name):
    """The version of an installed Debian package."""
    return output("dpkg-query", "-W", "-f", "${Version}", name) or "unknown"


def description():
    """What to note with each result."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory": memory_bytes(),
        "governor": governor(),
        "kernel": platform.release(),
        "liburing": package_version("liburing2"),
        "commit": output("git", "rev-parse", "--short=12", "HEAD") or "unknown",
        "modified": bool(output("git", "status", "--porcelain", "--", ":/", ":!/Benchmarks/results")),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
