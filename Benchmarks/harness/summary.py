"""From samples to medians, spreads and ratios, and a table of them in Markdown."""

from statistics import median

from harness.lab import payload_capacity
from harness.scenario import GIB


def spread(values):
    """Median, least and greatest."""
    return {"median": median(values), "least": min(values), "greatest": max(values)}


def cpu_seconds(sample):
    """CPU seconds of both ends of the contender together."""
    return sum(sample[end][kind] for end in ("sender", "receiver") for kind in ("cpu_user", "cpu_system"))


def machine_seconds(sample):
    """The same with what the kernel's own threads did meanwhile, which belong to no process, and others.

    Who sleeps leaves the work of the network to those threads; who is awake pays for it as system time.
    """
    return cpu_seconds(sample) + sample["others"]


def is_shared(sample):
    """Whether others took more than a tenth of a core during the run; the kernel's own threads take less."""
    return sample["others"] + sample["stolen"] > 0.1 * sample["seconds"]


def samples_of(result, contender):
    """The samples of a contender that count: no warm-up, no failure."""
    return [
        sample for sample in result["samples"]
        if sample["contender"] == contender and not sample["warmup"] and "failed" not in sample
    ]


def measures(samples, kind):
    """What is said about a contender: each measure as median, least and greatest."""
    if kind == "latency":
        return {
            "startup": spread([sample["startup"] for sample in samples]),
            "line": spread([median(sample["lines"]) for sample in samples]),
        }
    return {
        "rate": spread([sample["bytes"] * 8 / sample["seconds"] for sample in samples]),
        "cpu": spread([cpu_seconds(sample) * GIB / sample["bytes"] for sample in samples]),
        "machine": spread([machine_seconds(sample) * GIB / sample["bytes"] for sample in samples]),
        "sender_memory": spread([sample["sender"]["peak_memory"] for sample in samples]),
        "receiver_memory": spread([sample["receiver"]["peak_memory"] for sample in samples]),
    }


def summarise(result):
    """For each contender its measures, in the order of the scenario; those without a sample are left out."""
    kind = result["scenario"]["kind"]
    summary = {}
    for contender in result["contenders"]:
        samples = samples_of(result, contender)
        if samples:
            summary[contender] = measures(samples, kind)
    return summary


def ratio(summary, contender, baseline, measure):
    """A contender's median as a multiple of the baseline's, as text."""
    if baseline not in summary:
        return "-"
    return f"{summary[contender][measure]['median'] / summary[baseline][measure]['median']:.2f}"


def table(result):
    """The result as a Markdown table, with a head that says how it was made."""
    summary = summarise(result)
    if result["scenario"]["kind"] == "latency":
        rows = latency_rows(summary)
    else:
        rows = transfer_rows(result, summary)
    lines = [f"**{result['scenario']['name']}**: {result['scenario']['question']}", ""]
    lines += markdown(rows)
    lines += ["", footing(result), *remarks(result)]
    return "\n".join(lines)


def remarks(result):
    """Who is missing and what failed, one sentence each."""
    absent = [f"{name} did not take part: {reason}." for name, reason in sorted(result["absent"].items())]
    failed = [each for each in result["samples"] if "failed" in each]
    return absent + [f"{each['contender']}, run {each['run']}, failed: {each['failed']}" for each in failed]


def transfer_rows(result, summary):
    """Rate, share of the links, ratio to the baseline, cost, memory."""
    baseline = result["scenario"]["baseline"]
    lab = result["scenario"]["lab"]
    capacity = payload_capacity(lab) if lab else None
    head = ["", "Gbit/s", "least to greatest"]
    head += ["of the links"] if lab else []
    head += [f"rate / {baseline}", "CPU s/GiB", "least to greatest", f"CPU / {baseline}",
             "with the kernel's", "memory MiB"]
    rows = [head]
    for name, each in summary.items():
        rate = {key: value / 1e9 for key, value in each["rate"].items()}
        row = [name, f"{rate['median']:.2f}", f"{rate['least']:.2f} to {rate['greatest']:.2f}"]
        row += [f"{100e9 * rate['median'] / capacity:.1f} %"] if lab else []
        row += [
            ratio(summary, name, baseline, "rate"),
            f"{each['cpu']['median']:.3f}",
            f"{each['cpu']['least']:.3f} to {each['cpu']['greatest']:.3f}",
            ratio(summary, name, baseline, "cpu"),
            f"{each['machine']['median']:.3f}",
            f"{each['sender_memory']['greatest'] / 2**20:.0f} + {each['receiver_memory']['greatest'] / 2**20:.0f}",
        ]
        rows.append(row)
    return rows


def latency_rows(summary):
    """Milliseconds to the first byte, and for a line."""
    rows = [["", "first byte ms", "least to greatest", "line ms", "least to greatest"]]
    for name, each in summary.items():
        row = [name]
        for measure in ("startup", "line"):
            value = {key: seconds * 1e3 for key, seconds in each[measure].items()}
            row += [f"{value['median']:.2f}", f"{value['least']:.2f} to {value['greatest']:.2f}"]
        rows.append(row)
    return rows


def markdown(rows):
    """Rows as a Markdown table that is readable as text too."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row):
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join(
        "-" * (width + 2) if column == 0 else "-" * (width + 1) + ":" for column, width in enumerate(widths)) + "|"
    return [line(rows[0]), rule, *(line(row) for row in rows[1:])]


def amounts(result):
    """How much each contender moved per run, or how long, as text."""
    timed = {each.get("seconds") for each in result["contenders"].values()}
    if timed and None not in timed:
        return f"{max(timed):g} s"
    groups = {}
    for name, each in result["contenders"].items():
        groups.setdefault(each["bytes"] / GIB, []).append(name)
    most = max(groups, key=lambda size: len(groups[size]))
    others = [f"{', '.join(names)} {size:g}" for size, names in groups.items() if size != most]
    return f"{most:g} GiB" + (f" ({'; '.join(others)})" if others else "")


def footing(result):
    """Method, machine, date and command."""
    machine, scenario = result["machine"], result["scenario"]
    runs = max((sample["run"] for sample in result["samples"]), default=0)
    shared = sum(1 for sample in result["samples"] if "others" in sample and is_shared(sample))
    if scenario["kind"] == "latency":
        parts = [f"Median of {runs} interleaved runs after {scenario['warmups']} warm-up."]
    else:
        parts = [
            f"Median of {runs} interleaved runs of {amounts(result)} after {scenario['warmups']} warm-up.",
            "CPU seconds of both ends together, without head and cat, then with the "
            "kernel's own threads; peak memory of sender + receiver.",
        ]
    parts.append(f"Set-up: {scenario['setup']} ({scenario['case']}).")
    if shared:
        parts.append(f"In {shared} of {len(result['samples'])} runs the machine was shared with others.")
    modified = " (modified)" if machine["modified"] else ""
    parts.append(
        f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, liburing "
        f"{machine['liburing']}, commit {machine['commit']}{modified}, {machine['date'][:10]}; "
        f"made by `{result['command']}`.")
    return " ".join(parts)
