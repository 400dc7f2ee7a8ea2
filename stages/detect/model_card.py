"""What ultralytics wrote beside or into an exported model, as a card."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import CannotStart
from stages.detect.engine import ModelCard


def card_beside(folder: Path, *, name: str, sha256: str) -> ModelCard:
    """From ``metadata.yaml`` in the folder of an OpenVINO model. Raises ``CannotStart``."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    file = folder / "metadata.yaml"
    try:
        facts = YAML(typ="safe", pure=True).load(file)
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise _damaged(file, error) from error
    return _card(file, facts, name=name, sha256=sha256)


def card_within(file: Path, properties: Mapping[str, str], *, name: str, sha256: str) -> ModelCard:
    """From the ``metadata_props`` of an ONNX file, each of them a literal of Python. Raises ``CannotStart``."""
    return _card(file, {key: _literal(value) for key, value in properties.items()}, name=name, sha256=sha256)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _card(file: Path, facts: Any, *, name: str, sha256: str) -> ModelCard:
    try:
        names = {int(key): str(value) for key, value in facts["names"].items()}
        task, stride = facts["task"], int(facts["stride"])
        end_to_end = bool(facts.get("end2end", False) or (facts.get("args") or {}).get("nms"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(file, error) from error
    if task != "detect":
        raise CannotStart(f"{file}: a model for the task {task!r}; the detector needs a 'detect' model")
    in_order = tuple(names.get(i, f"class_{i}") for i in range(max(names, default=-1) + 1))
    return ModelCard(name, sha256, in_order, stride, suppresses=not end_to_end)


def _damaged(file: Path, error: Exception) -> CannotStart:
    return CannotStart(f"{file}: ultralytics' description of the model is missing or damaged: {error}")
