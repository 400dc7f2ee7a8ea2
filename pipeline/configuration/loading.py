"""Reading a configuration: strict for operators, safe for whoever would rather have the valid part running."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.crosschecks import check_together
from pipeline.configuration.faults import Fault, KeyPath, Place, ordered, usage_error
from pipeline.configuration.overrides import apply_override
from pipeline.configuration.secrets import FILE, Vault
from pipeline.configuration.sections import Sections, read_sections
from pipeline.configuration.suggestions import did_you_mean_file
from pipeline.configuration.yaml_source import Document, read_yaml

_ITEMS = ("cameras", "rules", "sinks")
"""Sections whose items can be left out one by one."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can run, and what was left out of it because it was wrong."""

    config: PipelineConfig
    faults: list[Fault]


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> PipelineConfig:
    """The configuration in the file ``path``, changed by ``overrides`` (``dotted.key=value``).

    Raises ``UsageError`` with one line for each fault.
    """
    return load(path, overrides=overrides).config


def load(
    path: Path | str,
    *,
    overrides: Sequence[str] = (),
    safe: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Loaded:
    """Read, validate and cross-check a YAML file; nothing is started or opened.

    With ``safe``, cameras, rules and sinks that are wrong are left out and told in ``faults``; a fault anywhere else,
    or no camera left, still raises. Without it any fault raises ``UsageError``, a line for each.
    """
    file = Path(path)
    document, vault = _read(file, str(path), os.environ if environment is None else environment)
    return from_document(document, base=file.resolve().parent, overrides=overrides, vault=vault, safe=safe)


def read_file(path: Path, environment: Mapping[str, str]) -> Document:
    """What a YAML file says, secrets filled in; faults are in the document. Raises ``UsageError`` for what cannot be
    read as text."""
    return _read(path, str(path), environment)[0]


def _read(file: Path, source: str, environment: Mapping[str, str]) -> tuple[Document, Vault]:
    vault, faults = _vault(file.parent, environment)
    document = read_yaml(_text(file), source, vault)
    document.faults += faults
    return document, vault


def from_document(
    document: Document, *, base: Path, overrides: Sequence[str], vault: Vault, safe: bool = False
) -> Loaded:
    """What ``load`` does once the text is read."""
    if not document.data:
        raise usage_error(document.faults)
    for override in overrides:
        apply_override(document, override, vault)
    if document.faults:
        raise usage_error(document.faults)
    sections = read_sections(document, base)
    check_together(sections)
    if document.faults:
        if not safe or any(_item(fault.key) is None for fault in document.faults):
            raise usage_error(document.faults)
        _leave_out(sections)
    config = sections.config()
    config.register_secrets()
    return Loaded(config, ordered(document.faults))


def _item(key: KeyPath) -> KeyPath | None:
    return key[:2] if len(key) > 1 and key[0] in _ITEMS else None


def _leave_out(sections: Sections) -> None:
    """Take out every item with a fault, and rules that have no camera any more."""
    document = sections.document
    for fault in document.faults:
        section, name = fault.key[:2]
        getattr(sections, str(section)).pop(name, None)
    if not sections.cameras:
        document.faults.append(Fault(document.place(("cameras",), of_key=True), ("cameras",), "none of them is valid"))
        raise usage_error(document.faults)
    for index, item in list(sections.classify.items()):
        left = tuple(name for name in item.cameras if name in sections.cameras)
        sections.classify[index] = replace(item, cameras=left)
        if not left:
            del sections.classify[index]
    for index, recording in list(sections.record.items()):
        left = tuple(name for name in recording.cameras if name in sections.cameras)
        sections.record[index] = replace(recording, cameras=left)
        if not left:
            del sections.record[index]
    for index, rule in list(sections.rules.items()):
        cameras = tuple(name for name in rule.cameras if name in sections.cameras)
        sections.rules[index] = replace(rule, cameras=cameras)
        if not cameras:
            del sections.rules[index]
            document.complain(("rules", index), "watches only cameras that were left out")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise usage_error([Fault(Place(str(file)), (), f"no such file{did_you_mean_file(file)}")]) from error
    except UnicodeDecodeError as error:
        raise usage_error([Fault(Place(str(file)), (), f"is not UTF-8 text (byte {error.start})")]) from error
    except OSError as error:
        raise usage_error([Fault(Place(str(file)), (), f"cannot be read: {error.strerror}")]) from error


def _vault(folder: Path, environment: Mapping[str, str]) -> tuple[Vault, list[Fault]]:
    """The environment and the named secrets of ``secrets.yml`` in ``folder``, where there is one."""
    file = folder / FILE
    if not file.is_file():
        return Vault(environment), []
    document = read_yaml(_text(file), str(file), Vault(environment))
    return Vault(environment, document.data), document.faults
