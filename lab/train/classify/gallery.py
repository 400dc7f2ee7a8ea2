"""The folder of a gallery: crops in, embeddings out, and everything written as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.detector import read_picture
from lab.train.classify.collection import pictures_in
from lab.train.classify.embedder import write_embedder
from lab.train.run_folder import digest_of, versions, write_json
from pipeline.errors import UsageError
from pipeline.file_digest import file_sha256
from stages.classify.crop_graph import CropGraph, FloatArray
from stages.classify.few_shot import EMBEDDER, GALLERY
from stages.classify.options import CropModelOptions


@dataclass(frozen=True)
class Embeddings:
    """Rows float32 (n, d) of each type and of other objects, and the files they come from."""

    rows: dict[str, FloatArray]
    others: FloatArray
    files: tuple[Path, ...]


def embeddings_of(
    folders: Mapping[str, Path], others: Path, *, embedder: Path, design: Any, size: int, out: Path
) -> Embeddings:
    """Write the embedder into ``out`` and ask it about every crop. Raises ``UsageError``, ``CannotStart``."""
    files = {name: _pictures(folder) for name, folder in folders.items()}
    beside = _pictures(others)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made: {error.strerror}") from error
    write_embedder(embedder, out / EMBEDDER, design=design, size=(size, size))
    graph = open_embedder(out / EMBEDDER)
    rows = {name: embed(graph, these) for name, these in files.items()}
    return Embeddings(rows, embed(graph, beside), tuple(file for these in [*files.values(), beside] for file in these))


def open_embedder(file: Path) -> CropGraph:
    """The graph of an embedder, as it is deployed. Raises ``CannotStart``."""
    return CropGraph(file, CropModelOptions(), kind="embed")


def embed(graph: CropGraph, files: Sequence[Path]) -> FloatArray:
    """One row for each picture file: float32 (n, d)."""
    output = int(graph.card.get("output", 0))
    rows = [graph([read_picture(file)], output=output)[0] for file in files]
    return np.stack(rows)


def write_gallery(out: Path, content: Mapping[str, Any], *, attribute: str, files: Sequence[Path]) -> None:
    """Write ``gallery.json`` beside the embedder, and ``run.json``."""
    data_sha256 = digest_of(files)
    record = {
        "kind": "few_shot",
        "name": out.name,
        "attribute": attribute,
        "embedder_sha256": file_sha256(out / EMBEDDER),
        "data_sha256": data_sha256,
    }
    write_json(out / GALLERY, record | dict(content))
    write_json(
        out / "run.json",
        {
            "command": "train few-shot",
            "settings": {name: content[name] for name in ("method", "false_alarm_rate")} | {"attribute": attribute},
            "data_sha256": data_sha256,
            "versions": versions(),
        },
    )


def _pictures(folder: Path) -> list[Path]:
    found = pictures_in(folder) if folder.is_dir() else []
    if not found:
        raise UsageError(f"{folder}: no folder with pictures in it")
    return found
