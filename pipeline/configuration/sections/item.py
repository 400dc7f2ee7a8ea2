"""An item of a section: a camera, a rule, a sink, a classifier, what is recorded of some cameras."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from pipeline.configuration.faults import KeyPath
from pipeline.configuration.kinds import options_of
from pipeline.configuration.sections.relative_paths import absolute_paths
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.suggestions import did_you_mean, listed
from pipeline.configuration.validation import validate
from pipeline.configuration.yaml_source import kind_of
from pipeline.errors import UsageError
from pipeline.registry import Table


def read_kind(
    sections: Sections, path: KeyPath, key: str, data: Any, table: Table
) -> tuple[str, type[BaseModel]] | None:
    """The kind that ``data[key]`` names, and its options."""
    document = sections.document
    kind = data.get(key) if isinstance(data, dict) else None
    if not isinstance(data, dict):
        document.complain(path, f"must be a mapping of keys, not {kind_of(data)}")
    elif key not in data:
        near = next((f" (did you mean that by {other!r}?)" for other in ("kind", "rule", "type") if other in data), "")
        document.complain((*path, key), f"is required{near}; allowed: {listed(sorted(table))}, or package.module:Class")
    elif not isinstance(kind, str):
        document.complain((*path, key), f"must be the name of a kind, not {kind_of(kind)}")
    else:
        try:
            return kind, options_of(kind, table)
        except UsageError as error:
            document.complain((*path, key), str(error))
    return None


def named_items(
    sections: Sections, section: str, key: str, items: Sequence[Any], table: Table
) -> Iterator[tuple[int, str, type[BaseModel], Any, dict[str, Any]]]:
    """Items that go by a name and whose kind, named by ``key``, is known: place, kind, options, name and data, in which
    the options find the name if they want it. Who has no name is called after its kind."""
    names = [item.get("name") for item in items if isinstance(item, dict)]
    for index, data in enumerate(items):
        found = read_kind(sections, (section, index), key, data, table)
        if found is None:
            continue
        kind, model = found
        name = data.get("name") or free_name(kind, names)
        names.append(name)
        yield index, kind, model, name, {**data, "name": name} if "name" in model.model_fields else data


def read_options(sections: Sections, path: KeyPath, data: Any, model: type[BaseModel], *taken: str) -> BaseModel | None:
    """The options of one item; ``taken`` are keys that the machine reads itself."""
    document = sections.document
    if data is not None and not isinstance(data, dict):
        document.complain(path, f"must be a mapping of keys, not {kind_of(data)}")
        return None
    own = {key: value for key, value in (data or {}).items() if key not in taken or key in model.model_fields}
    own = absolute_paths(sections, path, own, model)
    return validate(
        model, own, path=path, document=document, hints=[key for key in taken if key not in model.model_fields]
    )


def free_name(kind: str, taken: list[Any], joint: str = "-") -> str:
    """What an item without a name is called: after its kind, numbered where that name is taken."""
    short = kind.rpartition(":")[2]
    numbered = (f"{short}{joint}{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (short, *numbered) if name not in taken)


def read_camera_names(sections: Sections, path: KeyPath, given: Any) -> tuple[str, ...]:
    """The cameras that a rule or classifier is for: those it names, or all. Unknown names are faults."""
    document = sections.document
    known = sections.camera_names
    if not given:
        return tuple(known)
    if not isinstance(given, list):
        if not any(fault.key[: len(path)] == path for fault in document.faults):
            document.complain(path, f"must be a list of cameras: [{given}]")
        return ()
    for position, name in enumerate(given):
        if name not in known:
            near = did_you_mean(str(name), known) or ","
            document.complain((*path, position), f"no camera {name!r}{near} allowed: {listed(known)}")
    return tuple(name for name in given if name in known)
