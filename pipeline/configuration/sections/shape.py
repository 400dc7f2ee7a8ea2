"""The shape of a section: a mapping of known keys, or a list."""

from typing import Any

from pipeline.configuration.faults import KeyPath
from pipeline.configuration.suggestions import did_you_mean, listed
from pipeline.configuration.yaml_source import Document, kind_of


def refuse_unknown(document: Document, path: KeyPath, data: dict[str, Any], known: tuple[str, ...]) -> None:
    """Complain of each key that is not ``known``; those that begin with ``x-`` are the user's own."""
    for key in data:
        if key not in known and not key.startswith("x-"):
            near = did_you_mean(key, known) or ","
            document.complain((*path, key), f"unknown key{near} allowed: {listed(known)}", of_key=True)


def mapping_at(document: Document, path: KeyPath, value: Any) -> dict[str, Any]:
    """The mapping that stands at ``path``: empty where nothing does, or, with a complaint, something else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        document.complain(path, f"must be a mapping of keys, not {kind_of(value)}")
        return {}
    return value


def items_under(document: Document, key: str) -> list[Any]:
    """The list under a key of the top: empty where nothing stands there, or, with a complaint, something else."""
    value = document.data.get(key)
    if value is not None and not isinstance(value, list):
        document.complain((key,), f"must be a list (lines that begin with '-'), not {kind_of(value)}")
        return []
    return value or []
