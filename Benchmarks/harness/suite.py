"""Runs scenarios: contenders take turns, every sample is kept, the result is written after each round."""

import contextlib
import dataclasses
import itertools
import json
import os
import shlex
import sys
import tempfile

from harness import machine, summary, trial
from harness.lab import Lab
from harness.process import Failed
from harness.scenario import amount, counting_runs, measured_seconds

RESULTS = os.path.join(trial.BENCHMARKS, "results")


def say(text):
    """Progress, on stderr: stdout is for the tables."""
    print(text, file=sys.stderr, flush=True)


def command_line():
    """The command that made the results, with the environment that matters."""
    words = [os.path.relpath(sys.argv[0], os.path.dirname(trial.BENCHMARKS)), *sys.argv[1:]]
    return shlex.join(words)


def run_scenario(scenario, options):
    """Runs one scenario, writes results/NAME.json, and returns the result.

    `options`: short (smaller amounts), runs (None: the scenario's), calm (seconds to wait for others before a run).
    """
    result = {
        "scenario": {key: value for key, value in dataclasses.asdict(scenario).items() if key != "contenders"},
        "short": options.short,
        "machine": machine.description(),
        "command": command_line(),
        "contenders": {},
        "absent": {},
        "samples": [],
    }
    if scenario.lab and os.geteuid() != 0:
        raise PermissionError(f"{scenario.name}: needs root, to build the lab")
    with tempfile.TemporaryDirectory(prefix="braid-bench.", dir="/dev/shm") as scratch, \
            tempfile.TemporaryDirectory(prefix="braid-bench.", dir=os.environ.get("TMPDIR", "/var/tmp")) as disk:
        rounds(scenario, result, trial.Places(scratch, disk, measured_seconds(options.short)), options)
    result["summary"] = summary.summarise(result)
    write(result)
    return result


def present(scenario, result, places, short):
    """The contenders that are installed; notes their commands, and what is missing."""
    here = []
    for contender in scenario.contenders:
        missing = trial.missing_program(contender, places.next(0))
        if missing:
            result["absent"][contender.name] = f"there is no {os.path.basename(missing)}"
            say(f"  {contender.name}: there is no {missing}")
            continue
        here.append(contender)
        noted = {
            "send": contender.send,
            "receive": contender.receive,
            "bytes": amount(scenario, contender, short),
            "x": contender.x,
        }
        if contender.reports:
            noted["seconds"] = places.seconds
        if contender.package:
            noted["version"] = f"{contender.package} {machine.package_version(contender.package)}"
        result["contenders"][contender.name] = noted
    return here


def rounds(scenario, result, places, options):
    """A B C, A B C, ...: what disturbs the machine for a while disturbs them all."""
    contenders = present(scenario, result, places, options.short)
    for number in range(1 - scenario.warmups, counting_runs(scenario, options) + 1):
        # Those that follow each other in the same lab share it.
        for lab, group in itertools.groupby(contenders, lambda each: each.lab or scenario.lab):
            with contextlib.ExitStack() as stack:
                if lab:
                    # Seeds 1, 2, 3, ... for the runs that count.
                    places.lab = stack.enter_context(Lab(lab, number % 1000, scenario.lab_commands))
                for contender in group:
                    machine.wait_for_calm(options.calm)
                    sample = one(scenario, contender, places, amount(scenario, contender, options.short))
                    sample = {"contender": contender.name, "run": number, "warmup": number < 1} | sample
                    result["samples"].append(sample)
                    say("  " + described(sample))
        write(result)


def one(scenario, contender, places, size):
    """One sample, or the reason why there is none."""
    try:
        return trial.run(scenario, contender, places, size)
    except Failed as failure:
        return {"failed": str(failure)}


def described(sample):
    """One line about one sample."""
    label = "warm-up" if sample["warmup"] else f"run {sample['run']}"
    text = f"{sample['contender']:28} {label:8}"
    if "failed" in sample:
        return f"{text} FAILED: {sample['failed']}"
    if "lines" in sample:
        line = sorted(sample["lines"])[len(sample["lines"]) // 2]
        return f"{text} first byte {sample['startup'] * 1e3:.1f} ms, line {line * 1e3:.3f} ms"
    rate = sample["bytes"] * 8 / sample["seconds"] / 1e9
    lost = sample["others"] + sample["stolen"]
    shared = f"; {lost:.1f} CPU s went to others" if summary.is_shared(sample) else ""
    return f"{text} {rate:7.3f} Gbit/s, {summary.cpu_seconds(sample):6.2f} CPU s{shared}"


def write(result):
    """Writes a result, one sample a line, in one step, so that a broken run leaves the last whole one."""
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, result["scenario"]["name"] + ".json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        head = json.dumps({key: value for key, value in result.items() if key != "samples"}, indent=1)
        samples = ",\n".join(json.dumps(sample, separators=(",", ":")) for sample in result["samples"])
        file.write(f'{head[:-2]},\n "samples": [\n{samples}\n]}}\n')
    os.replace(path + ".new", path)
