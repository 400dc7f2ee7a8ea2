"""What must fit together across sections, and with what lies on the disk."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from pipeline.configuration.faults import KeyPath
from pipeline.configuration.sections import Sections
from pipeline.configuration.source_paths import local_path
from pipeline.configuration.suggestions import did_you_mean, did_you_mean_file, listed

WEIGHTS = ("model", "weights")


def check_together(sections: Sections) -> None:
    """Run every cross-check; what is wrong goes to the document's ``faults``."""
    checks: tuple[Callable[[Sections], None], ...] = (_sources, _weights, _rule_names, _sink_names, _filters, _out)
    for check in checks:
        check(sections)


def _sources(sections: Sections) -> None:
    for name, options in sections.cameras.items():
        source = getattr(options, "source", None)
        path = local_path(source) if isinstance(source, str) else None
        if path is not None:
            _must_exist(sections, ("cameras", name, "source"), Path(path))


def _must_exist(sections: Sections, path: KeyPath, file: Path) -> None:
    if file.exists():
        return
    hint = did_you_mean_file(file) if file.parent.is_dir() else f", there is no folder {file.parent}"
    sections.document.complain(path, f"no such file: {file}{hint}")


def _weights(sections: Sections) -> None:
    detect = sections.stages.get("detect")
    for name in WEIGHTS:
        value = getattr(detect.options, name, None) if detect else None
        if isinstance(value, Path):
            _must_exist(sections, ("stages", "detect", name), value)


def _rule_names(sections: Sections) -> None:
    seen: dict[tuple[str, str], int] = {}
    for index, rule in sections.rules.items():
        before = [seen.setdefault((camera, rule.name), index) for camera in rule.cameras]
        other = next((first for first in before if first != index), None)
        if other is not None:
            problem = f"{rule.name!r} is the name of rules.{other} already, on the same camera: give each its own"
            sections.document.complain(("rules", index, "name"), problem)


def _sink_names(sections: Sections) -> None:
    names: dict[str, int] = {}
    targets: dict[tuple[str, str, str], int] = {}
    for index, sink in sections.sinks.items():
        first = names.setdefault(sink.name, index)
        if first != index:
            sections.document.complain(("sinks", index, "name"), f"{sink.name!r} is the name of sinks.{first} already")
        for key in ("path", "url"):
            target = getattr(sink.options, key, None)
            text = target.get_secret_value() if isinstance(target, SecretStr) else str(target)
            same = targets.setdefault((sink.kind, key, text), index) if target is not None else index
            if same != index:
                sections.document.complain(("sinks", index, key), f"is where sinks.{same} writes already")


def _filters(sections: Sections) -> None:
    """Filters of sinks: what they name must exist."""
    known: Mapping[str, list[str]] = {
        "rules": [name for rule in sections.rules.values() for name in dict.fromkeys((rule.name, rule.kind))],
        "cameras": sections.camera_names,
    }
    for index, sink in sections.sinks.items():
        for key, names in known.items():
            _known_names(sections, ("sinks", index, key), sink.options, names)


def _known_names(sections: Sections, path: KeyPath, options: BaseModel, known: list[str]) -> None:
    chosen: Any = getattr(options, str(path[-1]), None)
    rules = sections.document.data.get("rules")
    has_wrong_rules = isinstance(rules, list) and len(rules) > len(sections.rules)
    if not isinstance(chosen, list | tuple) or (path[-1] == "rules" and has_wrong_rules):
        return
    for position, name in enumerate(chosen):
        if name not in known:
            near = did_you_mean(str(name), known) or ","
            allowed = f"{near} allowed: {listed(dict.fromkeys(known))}"
            sections.document.complain((*path, position), f"no {str(path[-1])[:-1]} {name!r}{allowed}")


def _out(sections: Sections) -> None:
    if sections.out.exists() and not sections.out.is_dir():
        sections.document.complain(("out",), f"{sections.out} is a file: name a folder")
