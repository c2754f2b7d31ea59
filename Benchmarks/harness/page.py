"""One HTML page with all results in it: pictures, tables, and how each was made. It needs no other file."""

import html

from harness import summary

STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --faint: #d9dee4; --quiet: #59636e; --page: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --faint: #30363d; --quiet: #9198a1; --page: #0d1117; }
  .light { display: none; }
}
@media (prefers-color-scheme: light) { .dark { display: none; } }
body { margin: 2rem auto; max-width: 56rem; padding: 0 1rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 3rem; }
p.how { color: var(--quiet); font-size: 0.85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--faint); padding: 0.3rem 0.6rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
code { font-size: 0.9em; }
details { font-size: 0.85rem; margin-top: 0.5rem; }
"""


def picture(folder, name):
    """A picture for both themes, as part of the page; the style shows one."""
    parts = []
    for theme in ("light", "dark"):
        text = (folder / f"{name}.{theme}.svg").read_text(encoding="utf-8")
        # Names within a picture count for the whole page; each picture keeps its own.
        text = text[text.index("<svg"):].replace('id="', f'id="{name}-{theme}-')
        text = text.replace('"#', f'"#{name}-{theme}-').replace("url(#", f"url(#{name}-{theme}-")
        parts.append(f'<div class="{theme}">{text}</div>')
    return "".join(parts)


def rows_of(result):
    """The rows of the result's table, the head first."""
    if result["scenario"]["kind"] == "latency":
        return summary.latency_rows(result["summary"])
    return summary.transfer_rows(result, result["summary"])


def table(rows):
    """Rows as an HTML table."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def commands(result):
    """How each contender was started."""
    items = []
    for name, each in result["contenders"].items():
        version = f" ({each['version']})" if "version" in each else ""
        items.append(
            f"<li>{html.escape(name + version)}: <code>{html.escape(each['receive'])}</code>, "
            f"<code>{html.escape(each['send'])}</code></li>")
    return f"<details><summary>Commands</summary><ul>{''.join(items)}</ul></details>"


def section(result, folder, names):
    """One scenario."""
    scenario = result["scenario"]
    parts = [f'<h2 id="{scenario["name"]}">{html.escape(scenario["question"])}</h2>']
    parts += [picture(folder, name) for name in names]
    if result["summary"]:
        parts.append(table(rows_of(result)))
    notes = [summary.footing(result), *summary.remarks(result)]
    parts += [f'<p class="how">{html.escape(note)}</p>' for note in notes]
    parts.append(commands(result))
    return "\n".join(parts)


def page(results, folder, names):
    """The whole page; `names` gives the pictures of each scenario."""
    sections = [section(result, folder, names[result["scenario"]["name"]]) for result in results]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>braid: benchmarks</title><style>{STYLE}</style></head><body>\n"
        "<h1>braid: benchmarks</h1>\n<p>Bars and lines show medians; whiskers and bands the least and the greatest "
        "run. Rates are payload over wall time, from the start of the sender until both ends have ended. "
        "Compare within one scenario, whose runs took turns; absolute numbers are those of the machine named below "
        "each table.</p>\n" + "\n".join(sections) + "\n</body></html>\n"
    )
