"""What the command line adds to a configuration: ``--set dotted.key=value`` and ``--rule NAME:key=value,...``."""

import re
from itertools import pairwise
from typing import Any

from pipeline.configuration.faults import Fault, KeyPath, Place, usage_error
from pipeline.configuration.secrets import Vault
from pipeline.configuration.yaml_source import Document, kind_of, parse
from pipeline.errors import UsageError

_KEY = re.compile(r"\s*(?:([A-Za-z_]\w*)|\"([^\"]*)\"|'([^']*)')\s*(?:=|:)\s*")
_TOKEN = re.compile(r"""(?<=[,\[{:=\s])(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*')|[,\[\]{}]""", re.DOTALL)
"""A quoted text where one can begin, a bracket, or a comma."""


def apply_override(document: Document, text: str, vault: Vault) -> None:
    """Put the value of ``--set KEY=VALUE`` into the document; the value is YAML. Faults are noted there."""
    key, equals, value = text.partition("=")
    place = Place(f"--set {key}")
    if not equals or not key.strip():
        document.faults.append(Fault(Place("--set"), (), f"{text!r} must be KEY=VALUE, such as cameras.gate.fps=5"))
        return
    path: KeyPath = tuple(int(part) if part.isascii() and part.isdigit() else part for part in key.strip().split("."))
    holder = _holder(document, path, place)
    if holder is None:
        return
    container, path = holder
    part = Document(source=place.source)
    parsed = parse(value, part, path, vault, lambda _: place)
    document.faults += [Fault(place, fault.key, fault.problem) for fault in part.faults]
    _forget(document, path)
    document.keys |= {**dict.fromkeys(part.keys, place), path: place}
    document.values |= {**dict.fromkeys(part.values, place), path: place}
    document.hidden |= part.hidden
    _put(container, path[-1], parsed)


def _put(container: Any, step: str | int, value: Any) -> None:
    if isinstance(container, list) and step == len(container):
        container.append(value)
    else:
        container[step] = value


def _holder(document: Document, path: KeyPath, place: Place) -> tuple[Any, KeyPath] | None:
    """The mapping or list that the last part of ``path`` belongs to, made where absent; and the path as found."""
    container: Any = document.data
    found: list[str | int] = []
    for part, following in pairwise(path):
        step = _step(container, part)
        if step is None:
            _refuse(document, (*found, part), container, place)
            return None
        found.append(step)
        is_absent = step == len(container) if isinstance(container, list) else container.get(step) is None
        if is_absent:
            _put(container, step, [] if isinstance(following, int) else {})
            document.keys[tuple(found)] = document.values[tuple(found)] = place
        container = container[step]
    step = _step(container, path[-1])
    if step is None:
        _refuse(document, path, container, place)
        return None
    return container, (*found, step)


def _step(container: Any, part: str | int) -> str | int | None:
    match container:
        case dict():
            return str(part)
        case list() if isinstance(part, int) and part <= len(container):
            return part
        case _:
            return None


def _refuse(document: Document, path: KeyPath, container: Any, place: Place) -> None:
    known = f"a list of {len(container)}: count from 0" if isinstance(container, list) else kind_of(container)
    document.faults.append(Fault(place, path, f"cannot be set, what it belongs to is {known}"))


def _forget(document: Document, path: KeyPath) -> None:
    for table in (document.keys, document.values, document.hidden):
        for old in [old for old in table if old[: len(path)] == path]:
            del table[old]


def parse_rule_argument(text: str) -> dict[str, Any]:
    """The rule that ``--rule NAME[:key=value,...]`` describes, as it would stand in the YAML under ``rules``.

    After the name stands a YAML flow mapping without braces; ``key=value`` and ``key: value`` mean the same.
    Raises ``UsageError``.
    """
    return read_rule(text, Vault({}))


def read_rule(text: str, vault: Vault) -> dict[str, Any]:
    """``parse_rule_argument`` with references to the environment and to secrets."""
    name, _, rest = text.partition(":")
    name = name.strip()
    place = Place(f"--rule {name}")
    if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
        raise UsageError(f"--rule {text}: must be NAME or NAME:key=value,..., such as loitering:dwell_s=10")
    if re.match(r"[A-Za-z_]\w*(?=:|$)", rest) and ("." in name or rest[0].isupper()):
        name, rest = _own_class(name, rest)
    document = Document(source=place.source)
    value = parse("{" + _with_colons(rest) + "}", document, (), vault, lambda _: place)
    if not document.faults and not isinstance(value, dict):
        document.complain((), "needs key=value pairs separated by commas")
    if not document.faults and "rule" in value:
        document.complain(("rule",), f"is given by the name already: {name}")
    if document.faults:
        raise usage_error(Fault(place, fault.key, fault.problem) for fault in document.faults)
    return {"rule": name, **value}


def _own_class(module: str, rest: str) -> tuple[str, str]:
    """``package.module:Class[:key=value]``: the name goes on to the next colon."""
    name, _, rest = rest.partition(":")
    return f"{module}:{name.strip()}", rest


def _with_colons(text: str) -> str:
    """``a=1,b=[x,y]`` as the inside of a YAML flow mapping: ``a: 1,b: [x,y]``."""
    return ",".join(_KEY.sub(_colon, item, count=1) if _KEY.match(item) else item for item in _items(text))


def _colon(found: re.Match[str]) -> str:
    return f"{next(group for group in found.groups() if group is not None)}: "


def _items(text: str) -> list[str]:
    """``text`` cut at the commas that are in no bracket and no quotes."""
    items, start, depth = [], 0, 0
    for found in _TOKEN.finditer(text):
        match found[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "," if depth == 0:
                items.append(text[start : found.start()])
                start = found.end()
    return [*items, text[start:]]
