"""``bartizan graph``: the processes of a configuration and the links between them, as a tree or for a renderer."""

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.commands.options import ConfigArgument, SetOption
from pipeline.configuration.loading import load_config
from pipeline.configuration.topology import Topology, topology


class GraphFormat(StrEnum):
    """How the graph is written."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"


def graph(
    config: ConfigArgument,
    overrides: SetOption = None,
    form: Annotated[GraphFormat, typer.Option("--format", help="text, or source for Mermaid or Graphviz.")] = (
        GraphFormat.TEXT
    ),
) -> None:
    """Draw the processes of a configuration and the links between them; start nothing."""
    drawn = topology(load_config(config, overrides or ()))
    match form:
        case GraphFormat.MERMAID:
            print(as_mermaid(drawn))
        case GraphFormat.DOT:
            print(as_dot(drawn))
        case GraphFormat.TEXT:
            print(as_text(drawn))


def as_text(drawn: Topology) -> str:
    """A tree along the way of a frame: captures first, then what follows from dispatch."""
    about = {process.title: process.about for process in drawn.processes}
    lines = ["supervisor"]
    starts = [process.title for process in drawn.processes if process.title.startswith("capture[")]
    lines += [f"├─ {title}  {about[title]}  ──offers──► dispatch" for title in starts]
    lines.append(f"└─ dispatch  {about['dispatch']}")
    return "\n".join(lines + _branches(drawn, "dispatch", about, "   "))


def _branches(drawn: Topology, title: str, about: dict[str, str], indent: str) -> list[str]:
    lines: list[str] = []
    links = drawn.links_from(title)
    for position, link in enumerate(links):
        last = position == len(links) - 1
        lines.append(f"{indent}{'└─' if last else '├─'} {link.carries} ──► {link.end}  {about[link.end]}")
        lines += _branches(drawn, link.end, about, indent + ("   " if last else "│  "))
    return lines


def as_mermaid(drawn: Topology) -> str:
    """Source of a Mermaid flowchart."""
    ids = {process.title: f"p{number}" for number, process in enumerate(drawn.processes)}
    lines = ["flowchart LR"]
    lines += [f'    {ids[process.title]}["{_label(process.title, process.about)}"]' for process in drawn.processes]
    lines += [f'    {ids[link.start]} -- "{link.carries}" --> {ids[link.end]}' for link in drawn.links]
    return "\n".join(lines)


def _label(title: str, about: str) -> str:
    return f"{title}<br/>{about}".replace('"', "#quot;") if about else title


def as_dot(drawn: Topology) -> str:
    """Source of a Graphviz digraph."""
    lines = ["digraph bartizan {", "    rankdir=LR; node [shape=box];"]
    lines += [
        f"    {_quoted(process.title)} [label={_quoted(process.title, process.about)}];" for process in drawn.processes
    ]
    lines += [
        f"    {_quoted(link.start)} -> {_quoted(link.end)} [label={_quoted(link.carries)}];" for link in drawn.links
    ]
    return "\n".join([*lines, "}"])


def _quoted(*rows: str) -> str:
    escaped = [row.replace("\\", "\\\\").replace('"', '\\"') for row in rows if row]
    return '"' + "\\n".join(escaped) + '"'
