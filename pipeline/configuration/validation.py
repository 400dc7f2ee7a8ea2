"""Pydantic's findings, put into words for whoever wrote the YAML and placed where they wrote it."""

from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from pipeline.configuration.faults import KeyPath
from pipeline.configuration.suggestions import did_you_mean, listed
from pipeline.configuration.units import converted, hint
from pipeline.configuration.yaml_source import Document

Model = TypeVar("Model", bound=BaseModel)

_OWN_WORDS = ("value_error", "assertion_error")
_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_PHRASES = (
    ("Input should be", "must be"),
    ("String should", "must"),
    ("List should", "must"),
    ("Value should", "must"),
)


def validate(
    model: type[Model], data: Any, *, path: KeyPath, document: Document, hints: list[str] | None = None
) -> Model | None:
    """``data``, which stands at ``path``, as a ``model``; None when it does not fit, with the faults in ``document``.

    ``hints`` are further keys to name when a key is unknown: those that the caller took out before.
    """
    data = {} if data is None else converted(data)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found: dict[tuple[KeyPath, bool], list[str]] = {}
        for details in error.errors(include_url=False):
            where = _real_path(details["loc"], data)
            full = (*path, *where)
            of_key = not where or details["type"] in ("extra_forbidden", "missing")
            problem = _problem(details, model, where, document.hidden.get(full), hints or [])
            found.setdefault((full, of_key), []).append(problem)
        for (full, of_key), problems in found.items():
            document.complain(full, " or ".join(dict.fromkeys(problems)), of_key=of_key)
        return None


def _real_path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """``loc`` without what pydantic adds to it: tags of unions, names of validators."""
    real: list[str | int] = []
    inside = False
    for part in loc:
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            real.append(part)
            data = data[part]
    last = loc[-1] if loc else None
    if not inside and isinstance(last, str) and isinstance(data, dict) and last not in data and last.isidentifier():
        real.append(last)
    return tuple(real)


def _problem(
    details: ErrorDetails, model: type[BaseModel], where: KeyPath, origin: str | None, hints: list[str]
) -> str:
    kind, context = details["type"], details.get("ctx", {})
    field = field_at(model, where)
    if kind == "extra_forbidden":
        return _unknown_key(str(where[-1]), [*hints, *names_at(model, where[:-1])])
    if kind == "missing":
        about = f": {field.description}" if field and field.description else ""
        return f"is required{about}"
    if kind in _OWN_WORDS:
        return str(context.get("error", details["msg"]))
    return _message(details, where, field, origin)


def _message(details: ErrorDetails, where: KeyPath, field: FieldInfo | None, origin: str | None) -> str:
    message, value, allowed = details["msg"].partition(", unable to")[0], details["input"], bounds(field)
    for phrase, ours in _PHRASES:
        message = message.replace(phrase, ours)
    if allowed and details["type"] in _BOUNDS:
        message, allowed = f"must be {allowed}", ""
    secret = field is not None and "Secret" in str(field.annotation)
    if secret:
        message = message.partition(" items after")[0].partition(", not")[0] + (
            " characters" if "items" in message else ""
        )
    message += ", got " + (f"the value of {origin}" if origin else "another value" if secret else shown(value))
    if details["type"] in ("literal_error", "enum") and isinstance(value, str):
        expected = str(details.get("ctx", {}).get("expected", ""))
        message += did_you_mean(value, [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")])
    extra = [text for text in (allowed and f"allowed: {allowed}", _unit_hint(details, where)) if text]
    return message + (f" ({'; '.join(extra)})" if extra else "")


def _unit_hint(details: ErrorDetails, where: KeyPath) -> str:
    name = next((part for part in reversed(where) if isinstance(part, str)), "")
    return hint(name) if details["type"].endswith(("_parsing", "_type")) else ""


def _unknown_key(key: str, known: list[str]) -> str:
    return f"unknown key{did_you_mean(key, known) or ','} allowed: {listed(known)}"


def shown(value: Any) -> str:
    """A wrong value as a message may show it: short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def bounds(field: FieldInfo | None) -> str:
    """What numbers a field takes, such as ``more than 0 and at most 60``; empty where it has no bounds."""
    words: list[str] = []
    for limit in field.metadata if field else []:
        match limit:
            case Gt():
                words.append(f"more than {limit.gt}")
            case Ge():
                words.append(f"at least {limit.ge}")
            case Lt():
                words.append(f"less than {limit.lt}")
            case Le():
                words.append(f"at most {limit.le}")
            case _:
                pass
    return " and ".join(words)


def field_at(model: type[BaseModel], where: KeyPath) -> FieldInfo | None:
    """The field of ``model`` that ``where`` leads to, through nested models, lists, mappings and unions."""
    if not where:
        return None
    for owner in _models_at(model, where[:-1]):
        if where[-1] in owner.model_fields:
            return owner.model_fields[str(where[-1])]
    return None


def names_at(model: type[BaseModel], where: KeyPath) -> list[str]:
    """The keys allowed in the mapping that ``where`` leads to."""
    names = [info.alias or name for owner in _models_at(model, where) for name, info in owner.model_fields.items()]
    return list(dict.fromkeys(names))


def _models_at(model: type[BaseModel], where: KeyPath) -> list[type[BaseModel]]:
    models = [model]
    for part in where:
        named = [owner.model_fields[str(part)] for owner in models if str(part) in owner.model_fields]
        if named:
            models = [inner for info in named for inner in _models_in(info.annotation)]
    return models


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
