"""The labelled pictures that a model is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.yolo_format import PICTURES, read, read_picture
from lab.train.run_folder import digest_of
from pipeline.configuration.secrets import Vault
from pipeline.configuration.suggestions import did_you_mean, did_you_mean_file
from pipeline.configuration.yaml_source import read_yaml
from pipeline.errors import UsageError

PREFERRED = ("test", "val", "valid", "all", "train")
"""Which split is measured when none is named and there is no ``val``."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Pictures of one split, with their boxes, and what the class numbers mean."""

    names: tuple[str, ...]
    images: tuple[LabelledImage, ...]
    split: str
    place: str
    """The name of the folder or file it came from."""

    def sha256(self) -> str:
        """Digest of the pictures and of their boxes."""
        import hashlib

        boxes = hashlib.sha256()
        for image in self.images:
            boxes.update(image.xyxy.tobytes() + image.class_id.tobytes())
        return hashlib.sha256(f"{digest_of(i.path for i in self.images)} {boxes.hexdigest()}".encode()).hexdigest()


def read_truth(
    place: Path,
    *,
    split: str | None = None,
    labels: Path | None = None,
    names: str | None = None,
    model_names: Sequence[str] = (),
    limit: int | None = None,
    seed: int = 0,
) -> Truth:
    """The pictures to measure on.

    ``place``: a YOLO data set (folder or YAML), or with ``labels`` a folder of pictures whose label files lie there.
    ``split``: its name, ``all``, or None for ``val`` or what there is. ``names``: what the class numbers mean, if the
    data set does not say: a file (``classes.txt`` or YAML), ``coco``, or ``model`` for the model's own.
    ``limit``: that many pictures, drawn with ``seed``. Raises ``UsageError``.
    """
    if not place.exists():
        raise UsageError(f"{place}: does not exist{did_you_mean_file(place)}")
    if labels is None:
        dataset = read(place)
        if names is not None:
            dataset = Dataset(_names(names, model_names), dataset.splits)
    else:
        dataset = Dataset(_names(names or "model", model_names), {"all": _beside(place, labels)})
    chosen, images = _split(dataset, split, place)
    for image in images:
        if len(image) and image.class_id.max() >= len(dataset.names):
            raise UsageError(
                f"{image.path.name}: class {image.class_id.max()}, but only {len(dataset.names)} names; see --names"
            )
    if limit is not None and limit < len(images):
        picked = np.sort(np.random.default_rng(seed).permutation(len(images))[:limit])
        images = tuple(images[i] for i in picked)
    if not any(len(image) for image in images):
        raise UsageError(f"{place}: no picture of split {chosen!r} has a labelled box; there is nothing to measure")
    return Truth(dataset.names, images, chosen, place.resolve().name)


def _split(dataset: Dataset, split: str | None, place: Path) -> tuple[str, tuple[LabelledImage, ...]]:
    if split == "all":
        return split, tuple(dataset)
    if split is None:
        split = next((name for name in ("val", *PREFERRED) if name in dataset.splits), None)
    if split is None or split not in dataset.splits:
        known = ", ".join(dataset.splits)
        raise UsageError(f"{place}: has no split {split!r}; it has {known}{did_you_mean(str(split), dataset.splits)}")
    return split, dataset.splits[split]


def _beside(pictures: Path, labels: Path) -> tuple[LabelledImage, ...]:
    """Pictures below one folder, boxes in files of the same name below another."""
    if not labels.is_dir():
        raise UsageError(f"--labels {labels}: is not a folder{did_you_mean_file(labels)}")
    files = sorted(file for file in pictures.rglob("*") if file.suffix.lower() in PICTURES)
    with_labels = {file: labels / file.relative_to(pictures).with_suffix(".txt") for file in files}
    known = [file for file in files if with_labels[file].is_file()]
    if not known:
        raise UsageError(f"--labels {labels}: has no label file for any of the {len(files)} pictures in {pictures}")
    # Pictures without boxes have no file, so the others stay in: what is found there is a false alarm.
    return tuple(read_picture(file, with_labels[file]) for file in files)


def _names(named: str, model_names: Sequence[str]) -> tuple[str, ...]:
    if named == "model":
        return tuple(model_names)
    path = _coco_yaml() if named == "coco" else Path(named)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--names {named}: neither coco, model, nor a file that can be read: {error}") from error
    if path.suffix not in (".yaml", ".yml"):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    table = read_yaml(text, str(path), Vault({})).data.get("names")
    if not table:
        raise UsageError(f"--names {named}: has no 'names'")
    return tuple(str(name) for name in (table.values() if isinstance(table, dict) else table))


def _coco_yaml() -> Path:
    """COCO's 80 names as they travel with ultralytics; found without importing it."""
    found = find_spec("ultralytics")
    if found is None or not found.submodule_search_locations:
        raise UsageError("--names coco: ultralytics, which brings them, is not installed")
    return Path(found.submodule_search_locations[0]) / "cfg" / "datasets" / "coco.yaml"
