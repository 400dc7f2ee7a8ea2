"""A configuration from arguments alone, for ``bartizan watch`` and ``bartizan process``."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.faults import Fault, KeyPath, Place, usage_error
from pipeline.configuration.loading import from_document
from pipeline.configuration.overrides import read_rule
from pipeline.configuration.secrets import Vault
from pipeline.configuration.sections import DEFAULT_DETECTOR, DEFAULT_RULE
from pipeline.configuration.source_paths import is_stream, local_path
from pipeline.configuration.yaml_source import Document
from pipeline.errors import UsageError


def default_config(
    sources: Sequence[str],
    *,
    rules: Sequence[str] = (),
    overrides: Sequence[str] = (),
    out: Path | None = None,
    live: bool = False,
) -> PipelineConfig:
    """One camera for each source, sensible defaults for the rest.

    ``rules`` are ``--rule`` arguments (none: any object anywhere), ``overrides`` those of ``--set``. With ``live``,
    recordings are played at their own speed as if they were cameras; without it only recordings are taken. Paths
    belong to the working directory. Raises ``UsageError``, a line for each fault.
    """
    document = Document(source="arguments")
    vault = Vault(os.environ)
    names = camera_names(sources)
    cameras = {name: _camera(source, live=live) for name, source in zip(names, sources, strict=True)}
    document.data = {"cameras": cameras, "stages": {"detect": dict(DEFAULT_DETECTOR)}, "rules": [dict(DEFAULT_RULE)]}
    for name, source in zip(names, sources, strict=True):
        _note(document, ("cameras", name, "source"), Place(source))
        if not live and is_stream(source):
            document.complain(("cameras", name, "source"), "is no recording; for live cameras: bartizan watch")
    if not sources:
        document.faults.append(Fault(Place("arguments"), (), "name at least one source"))
    if rules:
        document.data["rules"] = _rules(document, rules, vault)
    if out is not None:
        document.data["out"] = str(out)
        _note(document, ("out",), Place(f"--out {out}"))
    if document.faults:
        raise usage_error(document.faults)
    return from_document(document, base=Path.cwd(), overrides=overrides, vault=vault).config


def _camera(source: str, *, live: bool) -> dict[str, Any]:
    is_played = live and local_path(source) is not None
    return {"source": source, "realtime": True} if is_played else {"source": source}


def _note(document: Document, path: KeyPath, place: Place) -> None:
    for length in range(2, len(path) + 1):
        document.keys[path[:length]] = document.values[path[:length]] = place
    document.keys.setdefault(path[:1], Place("arguments"))
    if len(path) == 1:
        document.keys[path] = document.values[path] = place


def _rules(document: Document, rules: Sequence[str], vault: Vault) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = []
    for index, text in enumerate(rules):
        try:
            read.append(read_rule(text, vault))
        except UsageError as error:
            document.faults += [Fault(Place(line), (), "") for line in str(error).splitlines()]
        _note(document, ("rules", index), Place(f"--rule {text}"))
    return read


def camera_names(sources: Sequence[str]) -> list[str]:
    """A name for each source: stem of the file or host of the address, in safe letters, each only once."""
    names: list[str] = []
    for source in sources:
        name = _safe_name(source)
        numbered = (f"{name[:58]}-{number}" for number in range(2, len(sources) + 2))
        names.append(next(free for free in (name, *numbered) if free not in names))
    return names


def _safe_name(source: str) -> str:
    if source.isascii() and source.isdigit():
        return f"camera{source}"
    try:
        host = urlsplit(source).hostname if "://" in source else None
    except ValueError:
        host = None
    stem = host or Path(source).stem or Path(source).resolve().name
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_")[:64] or "camera"
