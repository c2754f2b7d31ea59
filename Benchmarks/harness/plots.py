"""Pictures of results, for a light and for a dark background.

braid has the one strong colour, all others are grey: the picture answers how braid stands among them. Bars show the
median, whiskers the least and the greatest run, dots each run.
"""

from dataclasses import dataclass

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402 (the backend comes first)
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator  # noqa: E402

from harness import summary  # noqa: E402
from harness.lab import PAYLOAD_SHARE, payload_capacity  # noqa: E402
from harness.scenario import GIB  # noqa: E402

WIDTH = 8.4  # Inches: the width of a README, so that text is as large as the text around it.


@dataclass(frozen=True)
class Theme:
    """The colours for one background."""

    name: str
    background: str
    text: str
    faint: str
    accent: str
    other: str
    limit: str
    links: tuple


LIGHT = Theme(
    "light", "#ffffff", "#1f2328", "#d9dee4", "#d1495b", "#8c98a5", "#c9d1d9",
    ("#00658f", "#e08e00", "#00875f", "#b5588f", "#5b57a6", "#a05a2c", "#4f8fc0", "#7a8a3a"))
DARK = Theme(
    "dark", "#0d1117", "#e6edf3", "#30363d", "#ff7b89", "#7d8895", "#444c56",
    ("#4db8e8", "#f0b030", "#3fcf97", "#e58fc0", "#a5a1f0", "#d8935f", "#9cc9f0", "#b9cc6a"))
THEMES = (LIGHT, DARK)


def styled(theme):
    """The settings of matplotlib for a theme."""
    return {
        "figure.facecolor": theme.background,
        "savefig.facecolor": theme.background,
        "axes.facecolor": theme.background,
        "axes.edgecolor": theme.faint,
        "axes.labelcolor": theme.text,
        "axes.titlecolor": theme.text,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "font.size": 10.5,
        "font.family": "sans-serif",
        "grid.color": theme.faint,
        "text.color": theme.text,
        "xtick.color": theme.text,
        "ytick.color": theme.text,
        "legend.frameon": False,
        "svg.fonttype": "path",  # The same everywhere, whatever fonts the reader has.
        "svg.hashsalt": "braid",  # The same picture from the same numbers.
    }


def is_ours(name, result):
    """Whether a contender is braid, in some variant."""
    return "{braid}" in result["contenders"][name]["send"]


def colour(name, result, theme):
    if is_ours(name, result):
        return theme.accent
    return theme.limit if name.startswith("bare") else theme.other


def bars(axes, result, theme, values, unit, digits, limit=None):
    """Horizontal bars, the first contender on top, each with its median written at its end."""
    names = list(values)
    greatest = max(max(each) for each in values.values())
    right = max(greatest, limit or 0)
    for place, name in enumerate(names):
        each = sorted(values[name])
        middle = summary.median(each)
        axes.barh(place, middle, height=0.62, color=colour(name, result, theme))
        axes.hlines(place, each[0], each[-1], color=theme.text, linewidth=1.2)
        axes.plot(each, [place] * len(each), "|", color=theme.text, markersize=5, markeredgewidth=1)
        axes.text(
            each[-1] + right * 0.015, place, f"{middle:.{digits}f}", va="center",
            fontweight="bold" if is_ours(name, result) else "normal",
            bbox={"facecolor": theme.background, "edgecolor": "none", "pad": 0.8})
    if limit:
        axes.axvline(limit, color=theme.text, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_xlim(0, right * 1.25)  # Room for the longest bar's number.
    axes.set_xlabel(unit)
    axes.grid(axis="x")
    axes.tick_params(length=0)


def comparison(result, theme):
    """Rate and cost of each contender, side by side."""
    names = list(result["summary"])
    runs = {name: summary.samples_of(result, name) for name in names}
    rates = {name: [each["bytes"] * 8 / each["seconds"] / 1e9 for each in runs[name]] for name in names}
    costs = {
        name: [summary.cpu_seconds(each) * GIB / each["bytes"] for each in runs[name]] for name in names}
    lab = result["scenario"]["lab"]
    limit = payload_capacity(lab) / 1e9 if lab else None
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(WIDTH, 1.15 + 0.36 * len(names)), sharey=True, width_ratios=(1.45, 1), layout="constrained")
    bars(left, result, theme, rates, "Gbit/s of payload, more is better", 2, limit)
    left.set_title("Rate" + (" (dashed: what the links carry)" if limit else ""))
    bars(right, result, theme, costs, "CPU seconds per GiB, less is better", 2)
    right.set_title("Cost, both ends together")
    return figure


def link_rates(sample):
    """For one run: times, and for each link the Gbit/s on the wire at those times, at the receiver."""
    series = sample["links"]["received"]
    times, rates = [], []
    for (before, then), (after, now) in zip(series, series[1:]):
        if after <= 0 or after - before < 0.02:  # Not yet started; the last sample comes at any moment.
            continue
        times.append((before + after) / 2)
        rates.append([(b - a) * 8 / (after - before) / 1e9 for a, b in zip(then, now)])
    return times, [list(each) for each in zip(*rates)]


def crossed_links(sample):
    """Whether a run's payload went over the links, and not only what keeps them up."""
    series = sample["links"]["received"]
    return sum(series[-1][1]) - sum(series[0][1]) > sample["bytes"] / 2


def typical(samples):
    """The run whose rate is the median."""
    ordered = sorted(samples, key=lambda each: each["bytes"] / each["seconds"])
    return ordered[(len(ordered) - 1) // 2]


def links_over_time(result, theme):
    """What each link carried during the median run of each contender, stacked."""
    with_links = [name for name in result["summary"] if "links" in summary.samples_of(result, name)[0]]
    chosen = {name: typical(summary.samples_of(result, name)) for name in with_links}
    # Who is there for a limit, such as a disk alone, sends nothing: an empty panel would say nothing.
    names = [name for name in with_links if crossed_links(chosen[name])]
    figure, panels = pyplot.subplots(
        len(names), 1, figsize=(WIDTH, 0.9 + 1.12 * len(names)), sharex=True, sharey=True, squeeze=False,
        layout="constrained")
    wide = 8  # Entries of the legend in one line.
    wire = payload_capacity(result["scenario"]["lab"]) / PAYLOAD_SHARE / 1e9
    for axes, name in zip(panels[:, 0], names):
        times, rates = link_rates(chosen[name])
        axes.stackplot(
            times, rates, colors=theme.links[:len(rates)], labels=[f"link {i + 1}" for i in range(len(rates))],
            edgecolor=theme.background, linewidth=0.4)
        axes.axhline(wire, color=theme.text, linewidth=1, linestyle=(0, (4, 3)))
        size, seconds = chosen[name]["bytes"] / GIB, chosen[name]["seconds"]
        axes.set_title(f"{name}: {size:g} GiB in {seconds:.1f} s", pad=4)
        axes.set_ylim(0, wire * 1.08)
        axes.grid(axis="y")
        axes.tick_params(length=0)
    panels[-1, 0].set_xlim(0, None)
    panels[-1, 0].set_xlabel("seconds since the sender was started")
    figure.supylabel("Gbit/s that arrive (dashed: what all links can)", fontsize=10.5)
    panels[0, 0].legend(
        loc="lower right", bbox_to_anchor=(1, 0.96), ncols=wide, handlelength=1, columnspacing=1.2, borderpad=0)
    return figure


def scaling(result, theme):
    """Rate, cost and memory over what the scenario varies."""
    places = {name: result["contenders"][name]["x"] for name in result["summary"]}
    names = sorted(places, key=places.get)
    measured = (
        ("Rate", "Gbit/s", "rate", 1e9),
        ("Cost, both ends together", "CPU s per GiB", "cpu", 1),
        ("Memory of the larger end", "peak MiB", None, 2**20),
    )
    figure, panels = pyplot.subplots(1, 3, figsize=(WIDTH, 2.7), layout="constrained")
    x = [places[name] for name in names]
    for axes, (title, unit, measure, scale) in zip(panels, measured):
        spreads = [spread_of(result["summary"][name], measure) for name in names]
        middle = [each["median"] / scale for each in spreads]
        axes.fill_between(
            x, [each["least"] / scale for each in spreads], [each["greatest"] / scale for each in spreads],
            color=theme.accent, alpha=0.25, linewidth=0)
        axes.plot(x, middle, "o-", color=theme.accent, markersize=4)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(x))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylim(0, max(each["greatest"] for each in spreads) / scale * 1.15)
        axes.set_title(title)
        axes.set_ylabel(unit)
        axes.set_xlabel(result["scenario"]["axis"])
        axes.grid(axis="y")
        axes.tick_params(length=0)
    return figure


def spread_of(measures, measure):
    """A measure's spread; None: of the memory of the end that took more."""
    if measure:
        return measures[measure]
    return max(measures["sender_memory"], measures["receiver_memory"], key=lambda each: each["greatest"])


def latency(result, theme):
    """Milliseconds to the first byte, and for one line."""
    names = list(result["summary"])
    runs = {name: summary.samples_of(result, name) for name in names}
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(WIDTH, 1.15 + 0.36 * len(names)), sharey=True, layout="constrained")
    bars(
        left, result, theme, {name: [each["startup"] * 1e3 for each in runs[name]] for name in names},
        "milliseconds, less is better", 1)
    left.set_title("From start to the first byte out")
    bars(
        right, result, theme,
        {name: [summary.median(each["lines"]) * 1e3 for each in runs[name]] for name in names},
        "milliseconds, less is better", 3)
    right.set_title("One small line, once connected")
    return figure


def pictures(result):
    """The pictures that a result is good for, as pairs of a name and a function of result and theme."""
    scenario = result["scenario"]
    if not result["summary"]:
        return []
    if scenario["kind"] == "latency":
        return [(scenario["name"], latency)]
    if scenario["axis"]:
        return [(scenario["name"], scaling)]
    found = [(scenario["name"], comparison)]
    if scenario["lab"]:
        found.append((scenario["name"] + "-links", links_over_time))
    return found


def draw(result, folder):
    """Writes each picture as SVG for both themes and as PNG; returns their names."""
    names = []
    for name, picture in pictures(result):
        for theme in THEMES:
            with pyplot.rc_context(styled(theme)):
                figure = picture(result, theme)
                figure.savefig(folder / f"{name}.{theme.name}.svg", metadata={"Date": None})
                if theme is LIGHT:
                    figure.savefig(folder / f"{name}.png", dpi=160)
                pyplot.close(figure)
        names.append(name)
    return names
