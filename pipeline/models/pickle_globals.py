"""Which names a pickle would import, read from its opcodes without executing one of them (PEP 307, PEP 3154)."""

import pickletools
import re
from collections.abc import Iterable
from typing import BinaryIO

HIDDEN = "a name that is put together while unpickling"
EXTENSION = "a name from the registry of extensions"
MOST_NAMES = 10_000

_STRINGS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_KEEPS = {"PUT", "BINPUT", "LONG_BINPUT"}
_RECALLS = {"GET", "BINGET", "LONG_BINGET"}

_EXACT = {
    "collections": {"OrderedDict", "Counter", "defaultdict"},
    "builtins": {"set", "frozenset", "bytearray", "complex", "list", "dict", "tuple", "int", "float", "bool", "str"},
    "_codecs": {"encode"},
    "pathlib": {"PosixPath", "WindowsPath"},
    "torch.nn.parameter": {"Parameter"},
    "torch.storage": {"TypedStorage", "UntypedStorage"},
    "torch.serialization": {"_get_layout"},
    "torch._tensor": {"_rebuild_from_type_v2"},
    "ultralytics.utils": {"IterableSimpleNamespace"},
    "numpy": {"dtype", "ndarray"},
}
_TENSORS = r"[A-Za-z0-9]+(Storage|Tensor)"
_NUMBERS = r"b?float\d\w*|bfloat16|u?int\d+|complex\d+|bool|quint\w+"
_LAYERS = r"torch\.nn\.modules(\.\w+)?|ultralytics\.nn\.(modules(\.\w+)?|tasks)|ultralytics\.utils\.(loss|tal)"
_PATTERNS = (
    (r"torch", rf"Size|Tensor|device|{_TENSORS}|{_NUMBERS}"),
    (r"torch\.cuda|torch\.sparse", _TENSORS),
    (r"torch\._utils", r"_rebuild_\w+"),
    (r"numpy\.(core|_core)\.multiarray", r"scalar|_reconstruct"),
    # Classes only: a function or a module that one of these modules imported starts with a small letter.
    (_LAYERS, r"[A-Z]\w*"),
)
"""What checkpoints of torch and ultralytics are made of; about what their own restricted loading lets through."""


def is_known(name: str) -> bool:
    """Whether a global, ``module.name``, belongs to what checkpoints of torch and ultralytics are made of."""
    module, _, attribute = name.rpartition(".")
    module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
    if attribute in _EXACT.get(module, ()):
        return True
    return any(re.fullmatch(where, module) and re.fullmatch(what, attribute) for where, what in _PATTERNS)


def foreign(names: Iterable[str]) -> list[str]:
    """Those of the globals that are not known, sorted."""
    return sorted({name for name in names if not is_known(name)})


def globals_of(stream: BinaryIO) -> set[str]:
    """``module.name`` of everything that the next pickle in the stream would import; the stream stands after it then.

    What cannot be read from the opcodes alone is named ``HIDDEN`` or ``EXTENSION``. Raises ``ValueError`` for
    bytes that are no pickle, or one that ends too early.
    """
    found: set[str] = set()
    memo: dict[int, str | None] = {}
    top: list[str | None] = []
    """The last two values pushed, None where that is not a string written out; emptied by every other opcode."""
    for opcode, argument, _ in pickletools.genops(stream):
        match opcode.name:
            case name if name in _STRINGS:
                top = [*top[-1:], str(argument)]
            case name if name in _RECALLS:
                top = [*top[-1:], memo.get(int(str(argument)))]
            case name if name in _KEEPS:
                memo[int(str(argument))] = top[-1] if top else None
            case "MEMOIZE":
                memo[len(memo)] = top[-1] if top else None
            case "GLOBAL" | "INST":
                found.add(".".join(str(argument).split(" ", 1)))
                top = []
            case "STACK_GLOBAL":
                module, attribute = top if len(top) == 2 else (None, None)
                found.add(HIDDEN if module is None or attribute is None else f"{module}.{attribute}")
                top = []
            case "EXT1" | "EXT2" | "EXT4":
                found.add(EXTENSION)
                top = []
            case "PROTO" | "FRAME":
                pass
            case _:
                top = []
        if len(found) > MOST_NAMES:
            raise ValueError(f"more than {MOST_NAMES} names")
    return found
