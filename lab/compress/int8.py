"""INT8 of a detector or a classifier, from the model to a folder that was let through."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import typer

from lab.compress.delivery import deliver, workshop
from lab.compress.footage import choose
from lab.compress.proof import ClassifierProof, DetectorProof, Outcome, Terms
from lab.compress.proof_pictures import ProofPictures
from lab.compress.quantisation import Keep, quantise_detector, quantise_onnx
from lab.compress.record import record
from lab.evaluate.truth import Truth
from pipeline.errors import CannotStart
from pipeline.stage import Picture

Kept = Literal["auto", "nothing", "decoding", "outputs", "head"]
LADDER: tuple[Keep, ...] = ("decoding", "outputs", "head")
"""What stays in floating point, tried one after the other until the gate opens. See docs/guide/compression.md."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Where the ranges of the activations are taken from."""

    source: Path
    frames: int


def quantise(
    model: Path,
    calibration: Calibration,
    truth: Truth,
    terms: Terms,
    out: Path,
    *,
    keep: Kept,
    mapping: dict[str, tuple[str, ...]],
    options: dict[str, Any],
) -> Outcome:
    """Make ``out`` (model.xml, model.bin, metadata.yaml, run.json) of a detector, if the gate lets it through.

    ``options`` are the detector's. Raises ``UsageError`` or ``CannotStart``.
    """
    from lab.detector import open_detector, view

    with workshop(out) as place:
        source = _graph_of(model, options["head"])
        proof = DetectorProof(model, truth, terms, mapping=mapping, **options)
        detector = open_detector(model, confidence=0.25, **options)

        def holds_objects(frame: Picture) -> bool:
            return len(detector.process([view(frame)])[0]) > 0

        measured = ProofPictures(image.path for image in truth.images)
        frames = choose(calibration.source, calibration.frames, holds_objects=holds_objects, left_out=measured)
        typer.echo(f"calibrating on {len(frames)} frames of {calibration.source}", err=True)
        for kept in LADDER if keep == "auto" else (keep,):
            made = place / kept
            quantise_detector(source, frames, made, imgsz=options["imgsz"], stride=_stride(source), keep=kept)
            outcome = proof.weigh(made)
            typer.echo(f"kept in floating point: {kept}; {outcome.verdict.sentence}", err=True)
            if outcome.verdict.decision == "accepted":
                facts = {"calibration": {"source": calibration.source.name, "frames": len(frames)}, "kept": kept}
                record(made, "int8", model, truth.sha256(), {**facts, "options": options}, terms, outcome)
                deliver(made, out)
                break
        return outcome


def quantise_classifier(model: Path, calibration: Calibration, data: Path, terms: Terms, out: Path) -> Outcome:
    """Make ``out`` (model.onnx, run.json) of a classifier, if the gate lets it through.

    ``data``: crops in a folder for each class. Raises ``UsageError`` or ``CannotStart``.
    """
    from lab.train.classify.collection import read_folder
    from lab.train.run_folder import digest_of
    from stages.classify.behaviour import fit
    from stages.classify.classifier import CropClassifier

    with workshop(out) as place:
        crops = read_folder(data / "test" if (data / "test").is_dir() else data)
        proof = ClassifierProof(model, crops, terms)
        size = CropClassifier(CropClassifier.Options(model=model)).size
        measured = ProofPictures(crop.path for crop in crops)
        frames = choose(calibration.source, calibration.frames, holds_objects=lambda _: True, left_out=measured)
        typer.echo(f"calibrating on {len(frames)} crops of {calibration.source}", err=True)
        made = place / "made"
        made.mkdir()
        quantise_onnx(model, [fit([frame], size) for frame in frames], made / "model.onnx")
        outcome = proof.weigh(made / "model.onnx")
        if outcome.verdict.decision == "accepted":
            facts = {"calibration": {"source": calibration.source.name, "frames": len(frames)}}
            record(made, "int8", model, digest_of(crop.path for crop in crops), facts, terms, outcome)
            deliver(made, out)
        return outcome


def _graph_of(model: Path, head: str) -> Path:
    """The float graph of a detector: exported from a ``.pt``, or the one that is there."""
    from stages.detect.export_cache import exported

    if model.suffix == ".pt":
        return exported(model, head=head) / "model.xml"
    graphs = [model] if model.suffix == ".xml" else sorted(model.glob("*.xml"))
    if len(graphs) != 1:
        raise CannotStart(f"{model}: must be a .pt, an .xml, a folder with one .xml, or a classifier's .onnx")
    return graphs[0]


def _stride(source: Path) -> int:
    from ruamel.yaml import YAML

    return int(YAML(typ="safe", pure=True).load(source.with_name("metadata.yaml"))["stride"])
