"""Values that do not stand in the configuration itself: ``${NAME}``, ``${NAME:-default}`` and ``!secret NAME``."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from pipeline.configuration.suggestions import did_you_mean
from pipeline.redaction import register_secret

PREFIX = "BARTIZAN_SECRET_"
FILE = "secrets.yml"
_SECRET_NAME = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|CRED|AUTH", re.IGNORECASE)
_REFERENCE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


class Vault:
    """Environment variables and named secrets. Raises ``LookupError`` whose text says what is missing."""

    def __init__(self, environment: Mapping[str, str], named: Mapping[str, Any] | None = None) -> None:
        self._environment = environment
        self._named = named or {}

    def interpolate(self, text: str) -> str:
        """``text`` with every reference replaced; ``$${`` stands for a literal ``${``."""
        return _REFERENCE.sub(self._value, text)

    def _value(self, reference: re.Match[str]) -> str:
        if reference["escaped"]:
            return "${"
        inside = _INSIDE.fullmatch(reference["inside"])
        if inside is None or not reference["end"]:
            raise LookupError(
                f"{reference[0]!r} is no reference: write ${{NAME}}, ${{NAME:-default}} or, literally, $${{"
            )
        name, default = inside["name"], inside["default"]
        value = self._environment.get(name)
        if default is not None and not value:
            return default
        if value is None:
            raise LookupError(f"environment variable {name} is not set; set it or write ${{{name}:-default}}")
        if _SECRET_NAME.search(name):
            register_secret(value)
        return value

    def secret(self, name: str) -> str:
        """The secret ``name``: ``BARTIZAN_SECRET_NAME`` of the environment, else the file's. Hidden from now on."""
        for variable in (f"{PREFIX}{name}", f"{PREFIX}{name.upper()}"):
            if variable in self._environment:
                register_secret(self._environment[variable])
                return self._environment[variable]
        value = self._named.get(name)
        if value is None or isinstance(value, dict | list):
            near = did_you_mean(name, self._named)
            raise LookupError(f"secret {name!r} is not set; add it to {FILE} or set {PREFIX}{name.upper()}{near}")
        register_secret(str(value))
        return str(value)


def is_reference(text: str) -> bool:
    """Whether ``text`` takes its value, or a part of it, from the environment."""
    return _REFERENCE.search(text) is not None


def secrets_in(value: Any) -> Iterator[str]:
    """The plain text of every secret in options, however deep."""
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case BaseModel():
            for _, inner in value:
                yield from secrets_in(inner)
        case dict():
            for inner in value.values():
                yield from secrets_in(inner)
        case list() | tuple() | set() | frozenset():
            for inner in value:
                yield from secrets_in(inner)
        case _:
            pass
