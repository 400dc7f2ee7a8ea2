"""``bartizan evaluate compare``: may model B take the place of model A? The exit code says so."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.evaluate import detect_options as options
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lab.evaluate.average_precision import Scores
    from lab.evaluate.compare import Comparison
    from lab.evaluate.sequence import Sequence
    from lab.evaluate.truth import Truth
    from lab.evaluate.vocabulary import Vocabulary
    from stages.detect.yolo import YoloDetector

FAILED = 1
BLOCK_FRAMES = 50
BESIDE = ("map", "map50", "recall@0.85")
"""Figures that are shown beside the one that decides."""


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="weights in use: .pt, OpenVINO folder, or a name")],
    b: Annotated[str, typer.Argument(metavar="B", help="weights that would take their place")],
    dataset: Annotated[
        Path | None, typer.Argument(metavar="[DATASET]", help="labelled pictures; or --video and --truth")
    ] = None,
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="what decides: map, map50, recall@P, precision@R (such as recall@0.85)")
    ] = "map",
    tolerance: Annotated[float, typer.Option(min=0, max=1, help="by how much B may be worse")] = 0.02,
    lenient: Annotated[bool, typer.Option("--lenient", help="exit 0 also where the pictures cannot tell")] = False,
    video: Annotated[Path | None, typer.Option(metavar="FILE", help="a video instead of DATASET")] = None,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="its boxes: MOTChallenge text (gt.txt)")] = None,
    class_name: Annotated[str, typer.Option("--class", help="what the boxes of --truth are")] = "person",
    every: Annotated[int, typer.Option(min=1, metavar="N", help="of the video only every N-th frame")] = 1,
    block: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="neighbouring frames, or pictures of one camera, that are drawn together, since they agree  "
            f"[default: {BLOCK_FRAMES} of a video, 1 of a data set]",
        ),
    ] = None,
    split: options.SplitOption = None,
    labels: options.LabelsOption = None,
    names: options.NamesOption = None,
    mapping: options.MapOption = None,
    classes: options.ClassesOption = "",
    imgsz: options.ImgszOption = 640,
    imgsz_b: Annotated[int | None, typer.Option(metavar="PX", help="the same for B  [default: as A]")] = None,
    precision: options.PrecisionOption = "auto",
    precision_b: Annotated[str | None, typer.Option(help="the same for B  [default: as A]")] = None,
    device: options.DeviceOption = "auto",
    runtime: options.RuntimeOption = "auto",
    runtime_b: Annotated[str | None, typer.Option(help="the same for B  [default: as A]")] = None,
    head: options.HeadOption = "one_to_many",
    head_b: Annotated[str | None, typer.Option(help="the same for B  [default: as A]")] = None,
    limit: options.LimitOption = None,
    rounds: options.RoundsOption = 1000,
    seed: options.SeedOption = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="folder of a report")] = None,
) -> None:
    """Is B worse than A by more than --tolerance? A paired bootstrap over pictures says, or that it cannot tell.

    Exit code 0: no, with 95 % confidence. 1: yes, or it cannot tell (with --lenient only: yes). Both models are
    measured on the classes that both have.
    """
    asked = {key: str(value) if isinstance(value, Path) else value for key, value in locals().items()}
    if (dataset is None) == (video is None) or (video is None) != (truth is None):
        raise UsageError("give either DATASET, or --video with --truth")
    if video is None and every != 1:
        raise UsageError("--every is for a --video; for pictures of a data set, see --limit")

    from lab.evaluate.compare import compare as compared
    from lab.evaluate.compare import judge, said
    from lab.evaluate.metric import metric_named
    from lab.evaluate.sequence import read_sequence
    from lab.evaluate.stretches import MANY, largest_camera, require_blocks, stretches
    from lab.evaluate.truth import read_truth

    deciding = metric_named(metric)
    others = [metric_named(name) for name in BESIDE if name != metric]
    first = {"imgsz": imgsz, "precision": precision, "device": device, "runtime": runtime, "head": head}
    second = {"imgsz": imgsz_b, "precision": precision_b, "runtime": runtime_b, "head": head_b}
    detectors = [
        _opened(model, settings, what=what)
        for model, settings, what in (
            (a, first, "A"),
            (b, first | {k: v for k, v in second.items() if v is not None}, "B"),
        )
    ]
    sequence: Sequence | None = None
    if video is not None and truth is not None:
        sequence = read_sequence(video, truth, class_name=class_name, every=every)
        material = sequence.truth
    else:
        assert dataset is not None
        material = read_truth(
            dataset, split=split, labels=labels, names=names, model_names=detectors[0].names, limit=limit, seed=seed
        )
    vocabularies = _common(detectors, material, options.mapping_of(mapping), options.listed(classes))
    pictures, length, stretch = len(material.images), 1, None
    if sequence is None:
        stretch = stretches(material.images, block or 1)
        independent = int(stretch.max()) + 1
    else:
        length = max(1, (block or BLOCK_FRAMES) // every)
        independent = pictures // length
        require_blocks(independent, length * every)
    scores = [
        _scores(detector, material, vocabulary, sequence, what=name)
        for detector, vocabulary, name in zip(detectors, vocabularies, ("A", "B"), strict=True)
    ]
    if not scores[0].truths():
        raise UsageError(f"no labelled object of the classes {', '.join(vocabularies[0].names)} in these pictures")
    found = compared(scores[0], scores[1], [deciding, *others], block=length, stretch=stretch, rounds=rounds, seed=seed)
    verdict = judge(found[0].difference, tolerance=tolerance)
    sentence = said(
        verdict,
        found[0],
        tolerance=tolerance,
        pictures=pictures,
        independent=independent,
        each="frame" if sequence else "picture",
    )
    camera, many = largest_camera(material.images)
    if block is None and sequence is None and many >= MANY:
        typer.echo(
            f"note: {many} pictures of {camera!r} count as independent; if they are frames of a recording, the "
            "intervals are too narrow: say --block N, for N neighbours that agree",
            err=True,
        )
    typer.echo("\n".join([*map(_line, found), sentence]))
    if out is not None:
        _write(out, asked, material, detectors, vocabularies[0], found, verdict, sentence, sequence is not None)
    if verdict == "worse" or (verdict == "cannot tell" and not lenient):
        raise typer.Exit(FAILED)


def _opened(model: str, settings: dict[str, Any], *, what: str) -> "YoloDetector":
    from lab.detector import open_detector

    try:
        return open_detector(options.weights_of(model), confidence=options.FLOOR, **settings)
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from error


def _common(
    detectors: "list[YoloDetector]", truth: "Truth", mapping: dict[str, tuple[str, ...]], classes: tuple[str, ...]
) -> "list[Vocabulary]":
    """Both models under the classes that both have."""
    from lab.evaluate.vocabulary import match_names

    each = [match_names(detector.names, truth.names, mapping=mapping, classes=classes) for detector in detectors]
    both = [name for name in each[0].names if name in each[1].names]
    if not both:
        raise UsageError("the two models have no class in common that the data set has too; see --map")
    return [match_names(d.names, truth.names, mapping=mapping, classes=both) for d in detectors]


def _scores(
    detector: "YoloDetector", truth: "Truth", vocabulary: "Vocabulary", sequence: "Sequence | None", *, what: str
) -> "Scores":
    from lab.dataset.progress import progress
    from lab.detector import detect
    from lab.evaluate.average_precision import Scores
    from lab.evaluate.observation import observe
    from lab.evaluate.tally import tally

    if sequence is None:
        return observe(detector, truth, vocabulary, what=what).scores
    pictures = progress(sequence.pictures(), len(truth.images), what)
    found = map(vocabulary.found, detect(detector, pictures))
    return Scores([tally(boxes, *vocabulary.truth(image)) for boxes, image in zip(found, truth.images, strict=True)])


def _line(each: "Comparison") -> str:
    return f"{each.metric:<36} A {each.a}  B {each.b}  B - A {each.difference}"


def _write(
    out: Path,
    asked: dict[str, Any],
    truth: "Truth",
    detectors: "list[YoloDetector]",
    vocabulary: "Vocabulary",
    found: "list[Comparison]",
    verdict: str,
    sentence: str,
    is_sequence: bool,
) -> None:
    from lab.report.charts import bars
    from lab.report.page import Page
    from lab.train.run_folder import versions, write_json

    options.open_out(out)
    sha256 = "" if is_sequence else truth.sha256()
    write_json(
        out / "run.json",
        {"command": "evaluate compare", "settings": asked, "data_sha256": sha256, "versions": versions()},
    )
    record: dict[str, Any] = {"verdict": verdict, "sentence": sentence, "comparisons": [asdict(each) for each in found]}
    write_json(out / "result.json", record | {"models": [d.model for d in detectors]})
    page = Page("May B take the place of A?", f"On {truth.place}, classes {', '.join(vocabulary.names)}.")
    page.note(sentence, "good" if verdict == "not worse" else "bad" if verdict == "worse" else "warn")
    page.table(
        ["figure", "A", "B", "B - A"],
        [(each.metric, str(each.a), str(each.b), str(each.difference)) for each in found],
        "With 95 % paired bootstrap intervals; the first figure decides",
    )
    page.figure(
        bars({each.metric: each.difference for each in found}, x="B - A", limit=None),
        "The differences with their intervals.",
        alt="; ".join(f"{each.metric} {each.difference}" for each in found),
    )
    page.table(["", "weights", "sha256", "engine"], [
        (name, d.model["name"], d.model["sha256"][:16], d.engine) for name, d in zip("AB", detectors, strict=True)
    ])  # fmt: skip
    page.write(out / "report.html")
    typer.echo(f"report: {out / 'report.html'}")
