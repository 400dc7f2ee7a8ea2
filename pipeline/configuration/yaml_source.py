"""YAML 1.2 with positions: plain values, and for each of them where it stands.

ruamel.yaml parses; the values are built here from its nodes, because every fault has to be found at once and with its
place: all duplicate keys, unknown tags, unset variables and secrets.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pipeline.configuration.faults import Fault, KeyPath, Place
from pipeline.configuration.secrets import Vault, is_reference

_TAG = "tag:yaml.org,2002:"
_MOST_VALUES = 100_000
_ADVICE = {
    "cannot start any token": "tabs cannot indent: use spaces",
    "mapping values are not allowed": "a ':' is not expected here: check the indentation, or quote the text",
    "found undefined alias": "no anchor of that name comes before",
    "but found another document": "only one document is allowed: remove the second '---'",
    "but got '{'": "inside { } or [ ] a ${NAME} needs quotes",
    "found unexpected end of stream": "a quote or bracket is not closed",
}


@dataclass
class Document:
    """A configuration as it was written: plain values, where each stands, and what is wrong so far."""

    data: dict[str, Any] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    hidden: dict[KeyPath, str] = field(default_factory=dict)
    """Values that came from elsewhere, and from where: messages name that instead of the value."""
    faults: list[Fault] = field(default_factory=list)
    source: str = ""

    def place(self, path: KeyPath, *, of_key: bool = False) -> Place:
        """Where the value (or its key) stands; for what is absent, where it would belong."""
        first, second = (self.keys, self.values) if of_key else (self.values, self.keys)
        for length in range(len(path), 0, -1):
            found = first.get(path[:length]) or second.get(path[:length])
            if found:
                return found
            first, second = self.keys, self.values
        return Place(self.source, 1, 1) if self.data is not None and self.values else Place(self.source)

    def complain(self, path: KeyPath, problem: str, *, of_key: bool = False) -> None:
        """Add a fault at ``path``."""
        self.faults.append(Fault(self.place(path, of_key=of_key), path, problem))


def read_yaml(text: str, source: str, vault: Vault) -> Document:
    """The mapping that ``text`` holds; everything wrong with it is in the document's ``faults``."""
    document = Document(source=source)

    def place(node: Node) -> Place:
        return Place(source, node.start_mark.line + 1, node.start_mark.column + 1)

    value = parse(text, document, (), vault, place)
    if document.faults:
        return document
    if not isinstance(value, dict):
        problem = "is empty" if value is None else f"must be a mapping of keys, not {kind_of(value)}"
        document.faults.append(Fault(Place(source, 1, 1), (), problem))
    else:
        document.data = value
    return document


def parse(text: str, document: Document, path: KeyPath, vault: Vault, place: Callable[[Node], Place]) -> Any:
    """The value that ``text`` holds, to stand at ``path`` of ``document``; places and faults are added to it."""
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except YAMLError as error:
        document.faults.append(_syntax_fault(error, document.source, path))
        return None
    if root is None:
        return None
    return _Builder(document, vault, place, yaml.constructor.construct_object).build(root, path)


def kind_of(value: Any) -> str:
    """What a value is, in YAML's words."""
    match value:
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case _:
            return "text"


def _syntax_fault(error: YAMLError, source: str, path: KeyPath) -> Fault:
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Fault(Place(source), path, f"cannot be read as YAML: {str(error).splitlines()[0]}")
    mark, problem = error.problem_mark, str(error.problem)
    advice = next((advice for words, advice in _ADVICE.items() if words in problem), "")
    place = Place(source) if source.startswith("--") else Place(source, mark.line + 1, mark.column + 1)
    return Fault(
        place,
        path,
        f"cannot be read as YAML: {problem.encode('unicode_escape').decode()}" + (advice and f" ({advice})"),
    )


class _Builder:
    """Turns nodes into values, noting places."""

    def __init__(
        self, document: Document, vault: Vault, place: Callable[[Node], Place], construct: Callable[[Node], Any]
    ) -> None:
        self._document = document
        self._vault = vault
        self._place = place
        self._construct = construct
        self._open: list[Node] = []
        self._count = 0

    def build(self, node: Node, path: KeyPath) -> Any:
        """The value of ``node``; a part that is wrong becomes None and a fault."""
        self._document.values[path] = self._place(node)
        self._count += 1
        if any(node is outer for outer in self._open):
            return self._wrong(path, "an anchor cannot contain itself")
        if self._count > _MOST_VALUES:
            return None if self._count > _MOST_VALUES + 1 else self._wrong(path, "has too many values")
        self._open.append(node)
        try:
            return self._built(node, path)
        finally:
            self._open.pop()

    def _built(self, node: Node, path: KeyPath) -> Any:
        tag = str(node.tag)
        match node:
            case MappingNode() if tag == f"{_TAG}map":
                return self._mapping(node, path)
            case SequenceNode() if tag == f"{_TAG}seq":
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node, tag, path)
            case _:
                return self._wrong(path, f"unknown tag {tag!r}: only !secret NAME is known")

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged = {**self._merged(value_node, path), **merged}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag != f"{_TAG}merge":
                self._entry(own, key_node, value_node, path)
        return {**{key: value for key, value in merged.items() if key not in own}, **own}

    def _entry(self, own: dict[str, Any], key_node: Node, value_node: Node, path: KeyPath) -> None:
        key = str(key_node.value) if isinstance(key_node, ScalarNode) else ""
        if not key:
            self._wrong(path, "a key must be a word", at=key_node)
        elif key in own:
            first = self._document.keys[(*path, key)]
            where = f"line {first.line}" if first.line else "before"
            self._wrong((*path, key), f"is given twice, first in {where}: remove one", at=key_node)
        else:
            own[key] = None
            self._document.keys[(*path, key)] = self._place(key_node)
            own[key] = self.build(value_node, (*path, key))

    def _merged(self, node: Node, path: KeyPath) -> dict[str, Any]:
        parts = node.value if isinstance(node, SequenceNode) else [node]
        result: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, MappingNode):
                self._wrong(path, "'<<' takes a mapping or a list of mappings", at=part)
                continue
            place = self._document.values.get(path)
            value = self.build(part, path) or {}
            if place:
                self._document.values[path] = place
            result = {**value, **result}
        return result

    def _scalar(self, node: ScalarNode, tag: str, path: KeyPath) -> Any:
        text = str(node.value)
        try:
            if tag == "!secret":
                self._document.hidden[path] = f"!secret {text}"
                return self._vault.secret(text)
            if tag == f"{_TAG}str" and is_reference(text):
                self._document.hidden[path] = text
                return self._vault.interpolate(text)
            if tag in (f"{_TAG}int", f"{_TAG}float", f"{_TAG}bool", f"{_TAG}null"):
                return self._construct(node)
        except LookupError as error:
            return self._wrong(path, str(error.args[0]))
        except (ValueError, YAMLError):
            return self._wrong(path, f"{text!r} cannot be read as a value")
        if tag in (f"{_TAG}str", f"{_TAG}timestamp"):
            return text
        return self._wrong(path, f"unknown tag {tag!r}: only !secret NAME is known")

    def _wrong(self, path: KeyPath, problem: str, *, at: Node | None = None) -> None:
        place = self._place(at) if at is not None else self._document.values[path]
        self._document.faults.append(Fault(place, path, problem))
