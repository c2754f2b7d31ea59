"""Two hosts with several links on this machine, for scenarios that name one."""

import contextlib
import os
import subprocess

from harness.process import Sampler

NETLAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Lab/netlab")
PAYLOAD_SHARE = 0.9564  # Of the rate of a link, at MTU 1500: 1448 bytes of TCP payload in 1514 on the wire.


class Lab:
    """A lab of its own name, up while the `with` block runs."""

    host_a = "10.99.0.1"
    host_b = "10.99.0.2"

    def __init__(self, options, seed, commands=()):
        self.options = [*options, "-s", str(seed)]
        self.commands = commands
        self.name = f"nlb{os.getpid()}"

    def _netlab(self, *arguments):
        subprocess.run(
            [NETLAB, *arguments], env={**os.environ, "NETLAB": self.name}, check=True, timeout=60)

    def __enter__(self):
        self._netlab("up", *self.options)
        for command in self.commands:
            self._netlab(*command)
        return self

    def __exit__(self, *_):
        self._netlab("down")

    def namespace(self, host):
        """The network namespace of host a or b."""
        return self.name + host

    def command(self, host, command):
        """Runs a short command on a host, as a preparation."""
        subprocess.run(
            ["ip", "netns", "exec", self.namespace(host), "sh", "-c", command], check=True, timeout=60)

    @contextlib.contextmanager
    def watch(self):
        """Samples the bytes that a sends and that b receives, per link; yields a dictionary filled at the end."""
        series = {}
        with Sampler(lambda: link_bytes("a", 9), self.namespace("a")) as sent:
            with Sampler(lambda: link_bytes("b", 1), self.namespace("b")) as received:
                yield series
        series["sent"] = sent.samples
        series["received"] = received.samples


def link_bytes(letter, column):
    """Bytes per link from /proc/net/dev of the calling thread: column 1 received, column 9 sent."""
    counts = {}
    with open("/proc/thread-self/net/dev", encoding="ascii") as lines:
        for line in lines:
            name, colon, values = line.partition(":")
            name = name.strip()
            if colon and name[:1] == letter and name[1:].isdigit():
                counts[int(name[1:])] = int(values.split()[column - 1])
    return [counts[number] for number in sorted(counts)]


def payload_capacity(options):
    """Bit/s of payload that the links of a lab carry together."""
    units = {"kbit": 1e3, "mbit": 1e6, "gbit": 1e9}
    rates = options[options.index("-l") + 1].split()
    return PAYLOAD_SHARE * sum(float(rate[:-4]) * units[rate[-4:]] for rate in rates)
