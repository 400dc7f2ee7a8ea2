"""Naming a new type of object from a few examples: no training, only the distance to them in an embedding."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import CannotStart
from pipeline.stage import Picture
from stages.classify.crop_graph import CropGraph, FloatArray
from stages.classify.options import FewShotOptions

GALLERY = "gallery.json"
EMBEDDER = "embedder.onnx"
OTHER = "other"
"""What a crop is that resembles no example enough."""


class FewShotClassifier:
    """A gallery of named examples, loaded; stateless, and used like ``CropClassifier``.

    An embedding is centred on what other objects look like and scaled to length 1. A type's score is the largest dot
    product with its rows: one for a prototype (Snell et al. 2017) or a discriminant direction, one for each example
    where the nearest counts. At the type's threshold, which the maker set by how many other objects may pass, type
    and "other" are equally probable. Raises ``CannotStart`` if the folder cannot be used.
    """

    Options = FewShotOptions

    def __init__(self, options: FewShotOptions) -> None:
        file = options.gallery / GALLERY
        gallery = _read(file)
        self._graph = CropGraph(options.gallery / EMBEDDER, options, kind="embed")
        try:
            self._output = int(self._graph.card.get("output", 0))
            self._centre = np.array(gallery["centre"], np.float32)
            types = gallery["types"]
            self._rows = [np.array(each["rows"], np.float32).reshape(-1, len(self._centre)) for each in types]
            self._threshold = np.array([each["threshold"] for each in types], np.float64)
            self._slope = np.array([each["slope"] for each in types], np.float64)
            self.names: tuple[str, ...] = (*(str(each["name"]) for each in types), OTHER)
            """The new types in the order of ``process``'s columns, and ``other`` at the end."""
            self.attribute: str = str(gallery["attribute"])
            """What the names are values of."""
            self.model: dict[str, str] = {"name": str(gallery["name"]), "sha256": gallery["sha256"]}
            made_with = str(gallery["embedder_sha256"])
        except (KeyError, TypeError, ValueError) as error:
            raise CannotStart(f"{file}: incomplete or damaged; make it anew with 'bartizan train few-shot'") from error
        if made_with != self._graph.sha256:
            raise CannotStart(f"{file}: was made with another {EMBEDDER}; take both from one folder")
        self.margin, self.size = self._graph.margin, self._graph.size
        self.engine = self._graph.engine

    def process(self, crops: Sequence[Picture]) -> FloatArray:
        """Probabilities float32 (n, types + 1), each row adding up to 1, of crops uint8 (height, width, 3) BGR of any
        sizes. Raises ``ValueError`` for pictures of another kind."""
        return self.judge(self.embed(crops))

    def embed(self, crops: Sequence[Picture]) -> FloatArray:
        """Rows float32 (n, d), as the gallery's own network gives them."""
        return self._graph(crops, output=self._output)

    def judge(self, embedding: FloatArray) -> FloatArray:
        """``process`` for embeddings float32 (n, d) that are there already. Raises ``ValueError`` for another width."""
        if embedding.ndim != 2 or embedding.shape[1] != len(self._centre):
            raise ValueError(f"embedding must be float32 (n, {len(self._centre)}), got {embedding.shape}")
        found = scores(normalised(embedding, self._centre), self._rows)
        odds = np.exp(np.clip(self._slope * (found - self._threshold), -50, 50))
        total = 1 + odds.sum(axis=1, keepdims=True)
        shares: FloatArray = np.concatenate([odds / total, 1 / total], axis=1).astype(np.float32)
        return shares


def normalised(embedding: FloatArray, centre: FloatArray) -> FloatArray:
    """Centred and of length 1 (Wang et al. 2019, SimpleShot)."""
    apart = embedding - centre
    rows: FloatArray = (apart / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return rows


def scores(rows: FloatArray, types: Sequence[FloatArray]) -> FloatArray:
    """How much each embedding (n, d) resembles each type: its largest dot product with the type's rows; (n, types)."""
    found: FloatArray = np.stack([(rows @ each.T).max(axis=1) for each in types], axis=1)
    return found


def _read(file: Path) -> dict[str, Any]:
    import hashlib

    try:
        content = file.read_bytes()
        gallery = json.loads(content)
    except OSError as error:
        raise CannotStart(f"{file}: cannot be read ({error.strerror}); 'bartizan train few-shot' makes one") from error
    except ValueError as error:
        raise CannotStart(f"{file}: damaged, not JSON; make it anew with 'bartizan train few-shot'") from error
    if not isinstance(gallery, dict) or gallery.get("kind") != "few_shot":
        raise CannotStart(f"{file}: not a gallery; 'bartizan train few-shot' makes one")
    return gallery | {"sha256": hashlib.sha256(content).hexdigest()}
