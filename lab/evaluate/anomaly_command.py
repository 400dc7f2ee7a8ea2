"""``bartizan evaluate anomaly``: learn what is normal from some clips, score others, measure the scores."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lab.statistics import FloatArray


def anomaly(
    normal: Annotated[Path, typer.Option(metavar="DIR", help="clips in which all is normal: videos, or folders")],
    test: Annotated[Path, typer.Option(metavar="DIR", help="clips to be scored")],
    scores: Annotated[Path, typer.Option(metavar="OUT", help="folder for the scores: CLIP.parquet, frame and score")],
    labels: Annotated[Path | None, typer.Option(metavar="CSV", help="anomalous frames of the test clips")] = None,
    masks: Annotated[
        Path | None, typer.Option(metavar="DIR", help="anomalous pixels: a folder for each test clip, a mask a frame")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="folder for report.html and result.json")] = None,
    model: Annotated[str | None, typer.Option(help="detector; default: the one that ships")] = None,
    fps: Annotated[float, typer.Option(min=0.1, max=1000, help="of folders of pictures")] = 10.0,
    cache: Annotated[Path | None, typer.Option(metavar="DIR", help="keep detections here, by content of clips")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Learn from the clips in one folder and score those in another, causally; with labels say how good that is.

    Raises ``UsageError`` for clips, labels or masks that cannot be used.
    """
    from lab.evaluate.anomaly.clip import clips_in
    from lab.evaluate.anomaly.labels import read_labels
    from lab.evaluate.anomaly.scoring import learn, score
    from lab.evaluate.anomaly.seeing import see
    from lab.evaluate.detect_options import open_out
    from lab.normal.observe import default_detector

    if labels is None and (masks is not None or out is not None):
        raise UsageError(f"{'--masks' if masks else '--out'} needs --labels: without them nothing is measured")
    normal_clips, test_clips = clips_in(normal), clips_in(test)
    spans = read_labels(labels) if labels else {}
    for folder in (scores, *([out] if out else [])):
        open_out(folder)
    if model is None:
        detector = default_detector()
    else:
        from lab.detector import open_detector

        detector = open_detector(model)
    names, digest = detector.names, detector.model.get("sha256", "")
    seen_normal = see(normal_clips, detector, fps=fps, cache=cache, what="normal clips")
    seen_test = see(test_clips, detector, fps=fps, cache=cache, what="test clips")
    fitted = learn(seen_normal, names=names, detector=digest)
    scored = {name: score(fitted, seen) for name, seen in seen_test.items()}
    write_scores(scores, {name: each.score for name, each in scored.items()})
    if labels is None:
        frames = sum(seen.frames for seen in seen_test.values())
        typer.echo(f"{frames} frames of {len(scored)} clips scored: {scores}")
        return
    from lab.evaluate.anomaly.floors import floors_of, window_flow
    from lab.evaluate.anomaly.labels import flags
    from lab.evaluate.anomaly.masks import read_masks, regions_of
    from lab.evaluate.anomaly.result import Result
    from lab.evaluate.anomaly.scoring import normal_scores
    from lab.evaluate.anomaly.telling import facts_of, text_of

    truth = flags(spans, {name: seen.frames for name, seen in seen_test.items()}, labels)
    floors: dict[str, dict[str, FloatArray]] = {}
    for number, (name, seen) in enumerate(seen_test.items()):
        flow = window_flow(test_clips[name], fps=fps)
        for floor, values in floors_of(seen.observed, seen.frames, flow, seed=number).items():
            floors.setdefault(floor, {})[name] = values
    regions = (
        {name: regions_of(read_masks(masks / name, frames=seen.frames)) for name, seen in seen_test.items()}
        if masks
        else {}
    )
    held_apart = normal_scores(seen_normal, names=names, detector=digest)
    result = Result(scored, truth, floors, regions, held_apart, fps)
    facts = facts_of(result)
    if out is not None:
        from lab.evaluate.anomaly.report import write_report
        from lab.train.run_folder import write_json

        write_report(out, result, facts)
        write_json(out / "result.json", facts)
    typer.echo(msgspec.json.encode(facts).decode() if as_json else text_of(facts))


def write_scores(out: Path, scores: Mapping[str, "FloatArray"]) -> None:
    """``CLIP.parquet`` for each clip: ``frame`` from 1, and ``score``."""
    import numpy as np
    import polars as pl

    for name, values in scores.items():
        frame = np.arange(1, len(values) + 1, dtype=np.int64)
        pl.DataFrame({"frame": frame, "score": values}).write_parquet(out / f"{name}.parquet", statistics=False)
