"""``bartizan evaluate anomaly``: learn what is normal from some clips, score others, measure the scores."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer


def anomaly(
    normal: Annotated[Path, typer.Option(metavar="DIR", help="clips in which all is normal: videos, or folders")],
    test: Annotated[Path, typer.Option(metavar="DIR", help="clips to be scored")],
    scores: Annotated[Path, typer.Option(metavar="OUT", help="folder for the scores: CLIP.parquet, frame and score")],
    labels: Annotated[Path | None, typer.Option(metavar="CSV", help="anomalous frames of the test clips")] = None,
    masks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="anomalous pixels: folders CLIP or CLIP_gt, a mask for each frame"),
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
    from lab.evaluate.anomaly.telling import text_of
    from lab.evaluate.anomaly.trial import Asked, carry_out
    from lab.normal.observe import default_detector

    asked = Asked(normal=normal, test=test, scores=scores, labels=labels, masks=masks, out=out, fps=fps, cache=cache)
    if model is None:
        detector = default_detector()
    else:
        from lab.detector import open_detector

        detector = open_detector(model)
    facts = carry_out(asked, detector)
    if as_json:
        typer.echo(msgspec.json.encode(facts).decode())
    elif labels is None:
        typer.echo(f"{facts['frames']} frames of {facts['clips']} clips scored: {scores}")
    else:
        typer.echo(text_of(facts))
