"""JSON Schema (draft 2020-12) of the whole YAML file, for editors: completion, descriptions, allowed values."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from pipeline.config import SETTINGS, STAGES
from pipeline.errors import UsageError
from pipeline.kinds import DEFAULT_KINDS, camera_options, options_of
from pipeline.registry import RULES, SINKS, Table
from pipeline.sections import CAMERA_NAME, DEFAULT_DETECTOR
from pipeline.settings import WorkerOptions
from pipeline.units import BYTES, SECONDS, unit_of

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE: Schema = {"type": "string", "pattern": r"\$\{[A-Za-z_]"}
"""Any scalar may come from the environment."""
OWN_KIND = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
_SCALARS = ("number", "integer", "boolean")


def config_schema() -> Schema:
    """The schema of everything that ``bartizan run`` accepts. Kinds of the user's own may hold any keys."""
    kinds = {name: _known(table) for name, table in {**STAGES, "rules": RULES, "sinks": SINKS}.items()}
    models = {model for known in kinds.values() for model in known.values()} | {camera_options(), *SETTINGS.values()}
    mode: JsonSchemaMode = "validation"
    ordered = sorted(models, key=lambda model: f"{model.__module__}.{model.__qualname__}")
    refs, definitions = models_json_schema([(model, mode) for model in ordered])
    schemas: Schema = definitions["$defs"]
    names = {model: refs[model, mode]["$ref"].rpartition("/")[2] for model in ordered}
    schemas = {name: _lenient(schema) for name, schema in schemas.items()}

    def of(model: type[BaseModel]) -> Schema:
        return {"$ref": f"#/$defs/{names[model]}"}

    def choice(section: str, key: str, *, default: str | None = None, extra: Schema | None = None) -> Schema:
        options = {kind: schemas[names[model]] for kind, model in kinds[section].items()}
        return _choice(options, key, default=default, extra=extra or {})

    workers = {"workers": _lenient(WorkerOptions.model_json_schema())["properties"]["workers"]}
    stages = {name: choice(name, "kind", default=kind) for name, kind in DEFAULT_KINDS.items()}
    stages["detect"] = choice("detect", "kind", default=str(DEFAULT_DETECTOR["kind"]), extra=workers)
    stages["dispatch"] = of(SETTINGS["dispatch"])
    named = {"name": {"type": "string", "description": "Your name for it; default: the kind."}}
    cameras = {
        "type": "object",
        "description": "Cameras by name, in the order of their events.",
        "propertyNames": {"pattern": f"^{CAMERA_NAME.pattern}$"},
        "additionalProperties": of(camera_options()),
        "minProperties": 1,
    }
    properties: Schema = {
        "cameras": cameras,
        "stages": {"type": "object", "properties": stages, "additionalProperties": False},
        "rules": {"type": "array", "description": "What to alert on.", "items": choice("rules", "rule", extra=named)},
        "sinks": {"type": "array", "description": "Where events go.", "items": choice("sinks", "kind", extra=named)},
        "out": {"type": "string", "description": "Folder of the results, from the working directory."},
        **{name: of(model) for name, model in SETTINGS.items() if name != "dispatch"},
    }
    return {
        "$schema": DIALECT,
        "title": "Bartizan configuration",
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {"description": "Yours: a place for YAML anchors."}},
        "required": ["cameras"],
        "additionalProperties": False,
        "$defs": schemas,
    }


def _known(table: Table) -> dict[str, type[BaseModel]]:
    """Options of every kind that can be loaded here; an optional part that is not installed is left out."""
    known: dict[str, type[BaseModel]] = {}
    for kind in table:
        try:
            known[kind] = options_of(kind, table)
        except UsageError:
            continue
    return known


def _choice(options: dict[str, Schema], key: str, *, default: str | None, extra: Schema) -> Schema:
    """One of several kinds, told apart by ``key``; a kind of the user's own may hold anything."""
    cases: list[Schema] = []
    for kind, schema in options.items():
        case = deepcopy(schema)
        case["properties"] = {key: {"const": kind}, **extra, **case.get("properties", {}), key: {"const": kind}}
        needed = [name for name in case.get("required", []) if name != key]
        case["required"] = needed if kind == default else [key, *needed]
        cases.append(case)
    own = {"type": "object", "properties": {key: {"type": "string", "pattern": OWN_KIND}}, "required": [key]}
    return {"oneOf": [*cases, own]}


def _lenient(schema: Any, key: str = "") -> Any:
    """The schema with what is allowed beside plain values: ``30s`` for durations, ``${NAME}`` for any scalar."""
    if isinstance(schema, list):
        return [_lenient(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {name: _lenient_member(name, value) for name, value in schema.items()}
    if changed.get("type") in _SCALARS:
        return _with_text(changed, key)
    return changed


def _lenient_member(name: str, value: Any) -> Any:
    if name == "properties" and isinstance(value, dict):
        return {key: _lenient_property(key, schema) for key, schema in value.items()}
    return value if name in ("default", "const", "enum", "examples") else _lenient(value)


def _lenient_property(key: str, schema: Schema) -> Schema:
    if "anyOf" in schema:
        members = [_lenient(member, key) for member in schema["anyOf"]]
        return {**schema, "anyOf": members}
    changed: Schema = _lenient(schema, key)
    return changed


def _with_text(schema: Schema, key: str) -> Schema:
    about = {name: schema[name] for name in ("title", "description", "default") if name in schema}
    bare = {name: value for name, value in schema.items() if name not in about}
    return {**about, "anyOf": [bare, *_texts(key), REFERENCE]}


def _texts(key: str) -> Iterable[Schema]:
    unit = unit_of(key)
    if unit is None:
        return []
    table = SECONDS if unit in SECONDS else BYTES
    words = "|".join(sorted(table, key=len, reverse=True))
    return [{"type": "string", "pattern": rf"^\s*([0-9.]+\s*({words})\s*)+$"}]
