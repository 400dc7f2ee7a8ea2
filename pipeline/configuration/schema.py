"""JSON Schema (draft 2020-12) of the whole YAML file, for editors: completion, descriptions, allowed values."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from pipeline.configuration.config import SETTINGS, STAGES
from pipeline.configuration.kinds import DEFAULT_KINDS, camera_options, options_of, record_options
from pipeline.configuration.sections import CAMERA_NAME, DEFAULT_DETECTOR, PARTS
from pipeline.configuration.settings import ClassifyOptions, RecordSource, WorkerOptions
from pipeline.configuration.units import BYTES, SECONDS, unit_of
from pipeline.errors import UsageError
from pipeline.registry import CLASSIFIERS, RULES, SINKS, Table

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE: Schema = {"type": "string", "pattern": r"\$\{[A-Za-z_]"}
"""Any scalar may come from the environment."""
OWN_KIND = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
TABLES: dict[str, Table] = {**STAGES, "classify": CLASSIFIERS, "rules": RULES, "sinks": SINKS}
_MODE: JsonSchemaMode = "validation"
_NAME: Schema = {"name": {"type": "string", "description": "Your name for it; default: the kind."}}
_SCALARS = ("number", "integer", "boolean")


def config_schema() -> Schema:
    """The schema of everything that ``bartizan run`` accepts. Kinds of the user's own may hold any keys."""
    definitions = _Definitions({name: _known(table) for name, table in TABLES.items()})
    return {
        "$schema": DIALECT,
        "title": "Bartizan configuration",
        "type": "object",
        "properties": {
            "cameras": _cameras(definitions),
            "stages": {"type": "object", "properties": _stages(definitions), "additionalProperties": False},
            "rules": _list(_with_parts(definitions.choice("rules", "rule", extra=_NAME)), "What to alert on."),
            "sinks": _list(definitions.choice("sinks", "kind", extra=_NAME), "Where events go."),
            "out": {"type": "string", "description": "Folder of the results, from the working directory."},
            **{name: definitions.of(model) for name, model in SETTINGS.items() if name != "dispatch"},
        },
        "patternProperties": {"^x-": {"description": "Yours: a place for YAML anchors."}},
        "required": ["cameras"],
        "additionalProperties": False,
        "$defs": definitions.schemas,
    }


class _Definitions:
    """The schemas of all options, and references to them."""

    def __init__(self, kinds: dict[str, dict[str, type[BaseModel]]]) -> None:
        self._kinds = kinds
        models = {model for known in kinds.values() for model in known.values()} | {camera_options()}
        models |= set(SETTINGS.values())
        ordered = sorted(models, key=lambda model: f"{model.__module__}.{model.__qualname__}")
        refs, definitions = models_json_schema([(model, _MODE) for model in ordered])
        self._names = {model: refs[model, _MODE]["$ref"].rpartition("/")[2] for model in ordered}
        self.schemas: Schema = {name: _lenient(schema) for name, schema in definitions["$defs"].items()}

    def of(self, model: type[BaseModel]) -> Schema:
        """A reference to the options of one model."""
        return {"$ref": f"#/$defs/{self._names[model]}"}

    def choice(self, section: str, key: str, *, default: str | None = None, extra: Schema | None = None) -> Schema:
        """One of the kinds of a section, told apart by ``key``; a kind of the user's own may hold anything."""
        options = {kind: self.schemas[self._names[model]] for kind, model in self._kinds[section].items()}
        cases = [_case(kind, schema, key, kind == default, extra or {}) for kind, schema in options.items()]
        own = {"type": "object", "properties": {key: {"type": "string", "pattern": OWN_KIND}}, "required": [key]}
        return {"oneOf": [*cases, own]}


def _case(kind: str, schema: Schema, key: str, is_default: bool, extra: Schema) -> Schema:
    case = deepcopy(schema)
    properties = {name: value for name, value in case.get("properties", {}).items() if name != key}
    case["properties"] = {key: {"const": kind}, **extra, **properties}
    needed = [name for name in case.get("required", []) if name != key]
    case["required"] = needed if is_default else [key, *needed]
    return case


def _with_parts(rule: Schema) -> Schema:
    """The schema of a rule where the parts of one that is made of rules are rules again."""
    for case in rule["oneOf"]:
        if PARTS in case.get("properties", {}):
            case["properties"][PARTS]["items"] = {"$ref": "#/properties/rules/items"}
    return rule


def _list(items: Schema, about: str) -> Schema:
    return {"type": "array", "description": about, "items": items}


def _cameras(definitions: _Definitions) -> Schema:
    return {
        "type": "object",
        "description": "Cameras by name, in the order of their events.",
        "propertyNames": {"pattern": f"^{CAMERA_NAME.pattern}$"},
        "additionalProperties": definitions.of(camera_options()),
        "minProperties": 1,
    }


def _stages(definitions: _Definitions) -> Schema:
    workers = {"workers": _lenient(WorkerOptions.model_json_schema())["properties"]["workers"]}
    detector = str(DEFAULT_DETECTOR["kind"])
    stages = {name: definitions.choice(name, "kind", default=kind) for name, kind in DEFAULT_KINDS.items()}
    stages["detect"] = definitions.choice("detect", "kind", default=detector, extra=workers)
    one = definitions.choice("classify", "kind", extra=_lenient(ClassifyOptions.model_json_schema())["properties"])
    stages["classify"] = {"anyOf": [one, {"type": "array", "items": one}], "description": "What looks at crops."}
    record = _lenient(record_options().model_json_schema())
    record["properties"] |= _lenient(RecordSource.model_json_schema())["properties"]
    stages["record"] = {"anyOf": [record, {"type": "array", "items": record}], "description": "What video is kept."}
    stages["dispatch"] = definitions.of(SETTINGS["dispatch"])
    return stages


def _known(table: Table) -> dict[str, type[BaseModel]]:
    """Options of every kind that can be loaded here; an optional part that is not installed is left out."""
    known: dict[str, type[BaseModel]] = {}
    for kind in table:
        try:
            known[kind] = options_of(kind, table)
        except UsageError:
            continue
    return known


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
    about: Schema = {name: schema[name] for name in ("title", "description", "default") if name in schema}
    bare = {name: value for name, value in schema.items() if name not in about}
    return {**about, "anyOf": [bare, *_texts(key), REFERENCE]}


def _texts(key: str) -> Iterable[Schema]:
    unit = unit_of(key)
    if unit is None:
        return []
    table = SECONDS if unit in SECONDS else BYTES
    words = "|".join(sorted(table, key=len, reverse=True))
    return [{"type": "string", "pattern": rf"^\s*([0-9.]+\s*({words})\s*)+$"}]
