"""What a file of weights is, whether it is whole, and whether loading it could run foreign code. Executes nothing."""

import json
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import UsageError
from pipeline.models.pickle_globals import foreign, globals_of

MOST_HEADER = 100 << 20
"""Bytes of a header or a pickle, at most; those of large models have a few MiB."""
LEGACY_PICKLES = 5
"""A checkpoint from before torch 1.6: magic number, protocol, system, the object, keys of its storages."""
WIDTHS = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
"""Bytes of a number of each type of safetensors; those not named have one."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a file. ``foreign`` are the globals that are not known from checkpoints."""

    format: str
    """torch, onnx or safetensors."""
    foreign: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether loading it can run only code that is already here for this purpose."""
        return not self.foreign


def inspect(path: Path, *, called: Path | None = None) -> Inspection:
    """Look into a file. Raises ``UsageError`` with one line if it is empty, truncated, corrupt or something else.

    ``called``: the name that the file will have, if it does not have it yet; errors speak of that one.
    """
    name = called or path
    try:
        with path.open("rb") as file:
            return _inspect(name, file, path.stat().st_size)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, ValueError, KeyError, IndexError, TypeError, EOFError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{name}: damaged or incomplete, and cannot be used as weights ({reason})") from error


def require_trusted(path: Path, *, called: Path | None = None) -> Inspection:
    """``inspect``, and raises ``UsageError`` if unpickling the file would import anything that is not known."""
    found = inspect(path, called=called)
    if not found.trusted:
        names = ", ".join(found.foreign[:3]) + (f" and {len(found.foreign) - 3} more" if len(found.foreign) > 3 else "")
        raise UsageError(
            f"{called or path}: refused, loading it would run foreign code: {names}; "
            "get the weights as .safetensors or .onnx from whoever made them"
        )
    return found


def _inspect(path: Path, file: BinaryIO, size: int) -> Inspection:
    start = file.read(9)
    file.seek(0)
    if not start:
        raise UsageError(f"{path}: is empty (0 bytes)")
    if start.startswith(b"PK"):
        return _torch(path, file)
    if path.suffix == ".safetensors" or start[8:] == b"{":
        return _safetensors(file, size)
    if path.suffix == ".onnx" or start[0] == 0x08:
        return _onnx(file, size)
    if start[0] == 0x80:
        names = set().union(*(globals_of(file) for _ in range(LEGACY_PICKLES)))
        return Inspection("torch", tuple(foreign(names)))
    if path.suffix in (".pt", ".pth"):
        raise UsageError(f"{path}: is no torch checkpoint (it starts with {start[:8]!r})")
    raise UsageError(f"{path}: is no weights that can be registered: a torch .pt, an .onnx or a .safetensors is wanted")


def _torch(path: Path, file: BinaryIO) -> Inspection:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if len(set(names)) != len(names):
            raise ValueError("a member of the archive stands twice in it")
        if any("/code/" in name or name.endswith("/constants.pkl") for name in names):
            raise UsageError(f"{path}: is a TorchScript archive, which holds code; the checkpoint itself is wanted")
        pickles = [member for member in members if member.filename.endswith(".pkl")]
        if not any(member.filename.endswith("data.pkl") for member in pickles):
            raise UsageError(f"{path}: is a zip archive, but no torch checkpoint (there is no data.pkl in it)")
        if any(member.file_size > MOST_HEADER for member in pickles):
            raise ValueError(f"a pickle of more than {MOST_HEADER >> 20} MiB")
        damaged = archive.testzip()
        if damaged:
            raise ValueError(f"checksum of {damaged} does not fit")
        found = set().union(*(globals_of(BytesIO(archive.read(member))) for member in pickles))
    return Inspection("torch", tuple(foreign(found)))


def _safetensors(file: BinaryIO, size: int) -> Inspection:
    """https://github.com/huggingface/safetensors#format: length, JSON header, then the tensors without gaps."""
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= min(MOST_HEADER, size - 8):
        raise ValueError(f"a header of {length} bytes in a file of {size}")
    header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    end = 0
    for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = tensor["data_offsets"]
        if begin != end or stop - begin != math.prod(tensor["shape"]) * WIDTHS.get(tensor["dtype"], 1):
            raise ValueError(f"tensor {name} does not lie where the header says")
        end = stop
    if size != 8 + length + end:
        raise ValueError(f"{size} bytes, the header promises {8 + length + end}")
    return Inspection("safetensors")


def _onnx(file: BinaryIO, size: int) -> Inspection:
    """A protocol buffer has no checksum, but its outermost fields must fill the file and hold a graph (field 7)."""
    if size > 2 << 30:
        raise ValueError("larger than the 2 GiB that a protocol buffer can be")
    fields = dict(_fields(file, size))
    if 7 not in fields or 1 not in fields:
        raise ValueError("no ONNX graph in it")
    return Inspection("onnx")


def _fields(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Number and kind of the outermost fields of a protocol buffer; their content is skipped."""
    while file.tell() < size:
        key = _varint(file)
        match key & 7:
            case 0:
                _varint(file)
            case 1:
                file.seek(8, 1)
            case 2:
                file.seek(_varint(file), 1)
            case 5:
                file.seek(4, 1)
            case kind:
                raise ValueError(f"a field of unknown kind {kind}")
        if not 1 <= key >> 3 <= 100:
            raise ValueError(f"a field of unknown number {key >> 3}")
        yield key >> 3, key & 7
    if file.tell() != size:
        raise ValueError(f"{size} bytes, its fields promise {file.tell()}")


def _varint(file: BinaryIO) -> int:
    value = shift = 0
    while True:
        (byte,) = file.read(1) or (None,)
        if byte is None or shift > 63:
            raise ValueError("ends within a number")
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value
