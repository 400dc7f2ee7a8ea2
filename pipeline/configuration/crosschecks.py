"""What must fit together across sections, and with what lies on the disk."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from pipeline.configuration.faults import KeyPath
from pipeline.configuration.sections import PARTS, Sections
from pipeline.configuration.source_paths import is_network, local_path
from pipeline.configuration.suggestions import did_you_mean, did_you_mean_file, listed
from pipeline.errors import CannotStart
from pipeline.models import find, is_name
from pipeline.registry import CLASSIFIERS, resolve

WEIGHTS = ("model", "weights", "gallery")
BEHAVIOUR = "behaviour"
RESUMES = 1.1
"""Recording that was stopped goes on when so many times its reserve are free."""
_NO_CLASSIFIER = "there is no classifier that could say so: add one under stages.classify"


def check_together(sections: Sections) -> None:
    """Run every cross-check; what is wrong goes to the document's ``faults``."""
    checks: tuple[Callable[[Sections], None], ...] = (
        *(
            _sources,
            _weights,
            _classifier_names,
            _rule_names,
            _demands,
            _seen,
            _calibrations,
            _sink_names,
            _filters,
            _sink_faults,
            _connections,
            _retention,
            _out,
        ),
    )
    for check in checks:
        check(sections)


def check_rules(sections: Sections) -> None:
    """The cross-checks that are about rules alone, against the cameras and classifiers that ``sections`` has."""
    _rule_names(sections)
    _demands(sections)
    _calibrations(sections)


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
    found: list[tuple[KeyPath, BaseModel]] = [(("stages", "detect"), detect.options)] if detect else []
    found += [(sections.stage_path("classify", index), item.options) for index, item in sections.classify.items()]
    for path, options in found:
        for name in WEIGHTS:
            value = getattr(options, name, None)
            if isinstance(value, Path) and is_name(str(value)):
                _must_be_here(sections, (*path, name), str(value))
            elif isinstance(value, Path):
                _must_exist(sections, (*path, name), value)


def _must_be_here(sections: Sections, path: KeyPath, model: str) -> None:
    """A model that is named by its name in the registry."""
    try:
        find(model)
    except CannotStart as error:
        sections.document.complain(path, str(error))


def _classifier_names(sections: Sections) -> None:
    names: dict[str, int] = {}
    for index, item in sections.classify.items():
        first = names.setdefault(item.name, index)
        if first != index:
            problem = f"{item.name!r} is the name of stages.classify.{first} already: give each its own"
            sections.document.complain((*sections.stage_path("classify", index), "name"), problem)


def _demands(sections: Sections) -> None:
    """What rules want classifiers to say: there must be one that could, on each camera of the rule."""
    for path, options, cameras in _rules_and_parts(sections):
        for name, wanted in dict(getattr(options, "attributes", {})).items():
            _demand(sections, (*path, "attributes", name), name, wanted, cameras)
        for name in dict(getattr(options, "behaviour", {})):
            _behaves(sections, (*path, "behaviour", name), cameras)
        if getattr(options, "rule", "") == "behaviour":
            _behaves(sections, (*path, "rule"), cameras)


def _seen(sections: Sections) -> None:
    """A rule that cannot do without a class needs a detector that knows it and is not told to leave it out."""
    detect = sections.stages.get("detect")
    chosen = tuple(getattr(detect.options, "classes", ())) if detect else ()
    motion = detect is not None and detect.kind == "motion"
    if not motion and not (chosen and all(isinstance(name, str) for name in chosen)):
        return
    why = "the motion detector does not know" if motion else "stages.detect.classes leaves out: add it there"
    for path, options, _ in _rules_and_parts(sections):
        missing = sorted(frozenset(getattr(options, "must_see", ())) - set(chosen))
        if missing:
            sections.document.complain((*path, "rule"), f"cannot do without {listed(missing)}, which {why}")


def _rules_and_parts(sections: Sections) -> Iterator[tuple[KeyPath, BaseModel, tuple[str, ...]]]:
    """Every rule, and every rule that it is made of, with its place and its cameras."""
    for index, rule in sections.rules.items():
        yield from ((path, options, rule.cameras) for path, options in _parts(("rules", index), rule.options))


def _parts(path: KeyPath, options: BaseModel) -> Iterator[tuple[KeyPath, BaseModel]]:
    yield path, options
    for index, part in enumerate(getattr(options, PARTS, ())):
        yield from _parts((*path, PARTS, index), part)


def _calibrations(sections: Sections) -> None:
    """What measures the picture of one camera cannot measure another's."""
    for path, options, cameras in _rules_and_parts(sections):
        if getattr(options, "calibration", None) is not None and len(cameras) > 1:
            problem = f"is of one camera, but the rule watches {listed(cameras)}: name the one under cameras"
            sections.document.complain((*path, "calibration"), problem, of_key=True)


def _demand(sections: Sections, path: KeyPath, name: str, wanted: tuple[str, ...], cameras: tuple[str, ...]) -> None:
    known = {item.name: item for item in sections.classify.values() if item.kind != BEHAVIOUR}
    item = known.get(name)
    if item is None:
        near = did_you_mean(name, known) or ","
        problem = f"no classifier {name!r}{near} allowed: {listed(known)}" if known else _NO_CLASSIFIER
        sections.document.complain(path, problem, of_key=True)
        return
    if missing := [camera for camera in cameras if camera not in item.cameras]:
        sections.document.complain(path, f"classifier {name!r} does not look at {listed(missing)}", of_key=True)
    for value in wanted:
        names: tuple[str, ...] = getattr(resolve(item.kind, CLASSIFIERS), "NAMES", (value,))
        if value not in names:
            near = did_you_mean(value, names) or ","
            sections.document.complain(path, f"{name!r} is never {value!r}{near} allowed: {listed(names)}")


def _behaves(sections: Sections, path: KeyPath, cameras: tuple[str, ...]) -> None:
    able = [item for item in sections.classify.values() if item.kind == BEHAVIOUR or ":" in item.kind]
    missing = [camera for camera in cameras if not any(camera in item.cameras for item in able)]
    if missing:
        problem = f"no behaviour classifier looks at {listed(missing)}: add one under stages.classify, kind: behaviour"
        sections.document.complain(path, problem, of_key=True)


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


def _sink_faults(sections: Sections) -> None:
    """What a sink finds wrong with its options beyond their values."""
    for index, sink in sections.sinks.items():
        for key, problem in getattr(sink.options, "faults", tuple)():
            sections.document.complain(("sinks", index, *key), problem)


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


def _connections(sections: Sections) -> None:
    """How the video of live cameras reaches their recorders."""
    for index, item in sections.record.items():
        path = sections.stage_path("record", index)
        connection, unmasked = (getattr(item.options, name, None) for name in ("connection", "unmasked"))
        if connection == "shared" and item.source:
            problem = "has a connection of its own: leave it out, or say connection: own"
            sections.document.complain((*path, "source"), problem)
            continue
        for name in item.cameras:
            options: Any = sections.cameras.get(name)
            if options is None or not getattr(options, "live", False) or item.mode == "off":
                continue
            source = options.source
            if connection == "own" and not item.source and not is_network(source):
                problem = f"{name} can be opened once only: say connection: shared"
                sections.document.complain((*path, "connection"), problem)
            if unmasked and options.masks and item.shares(source):
                problem = f"the frames of {name} are masked before they are shared; only connection: own has others"
                sections.document.complain((*path, "unmasked"), problem)


def _retention(sections: Sections) -> None:
    """Cameras that it names, the recorder's reserve, and the chain that says what was deleted."""
    retention, integrity = sections.settings.get("retention"), sections.settings.get("integrity")
    if retention is None:
        return
    for name in retention.cameras:
        if name not in sections.camera_names:
            near = did_you_mean(name, sections.camera_names) or ","
            problem = f"no camera {name!r}{near} allowed: {listed(sections.camera_names)}"
            sections.document.complain(("retention", "cameras", name), problem, of_key=True)
    if retention.enabled and integrity is not None and not integrity.enabled:
        problem = "what is deleted is said in the chain of evidence: say integrity.enabled: true"
        sections.document.complain(("retention",), problem, of_key=True)
    reserves = [getattr(item.options, "reserve_mb", 0.0) for item in sections.record.values() if item.mode != "off"]
    if retention.free_gb is not None and reserves and retention.free_gb * 1000 < RESUMES * max(reserves):
        least = RESUMES * max(reserves) / 1000
        problem = (
            f"must be at least {least:g}: at reserve_mb ({max(reserves):g}) recording stops till a tenth more is free"
        )
        sections.document.complain(("retention", "free_gb"), problem)


def _out(sections: Sections) -> None:
    if sections.out.exists() and not sections.out.is_dir():
        sections.document.complain(("out",), f"{sections.out} is a file: name a folder")
