"""``bartizan evaluate track``: how good tracks are, measured against the truth."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from lab.evaluate.detect_options import open_out
from lab.evaluate.rows import read_mot, read_result
from lab.evaluate.track import Scores, evaluate
from lab.evaluate.track_moments import moments
from pipeline.errors import UsageError


def track(
    result: Annotated[Path, typer.Argument(help="tracks: Parquet as written by a run, or MOTChallenge text")],
    truth: Annotated[Path, typer.Argument(help="ground truth: MOTChallenge text (gt.txt)")],
    iou: Annotated[float, typer.Option(help="overlap from which a box counts as found (MOTA, IDF1)")] = 0.5,
    class_name: Annotated[str, typer.Option("--class", help="class to score, of a Parquet file; all: every class")] = (
        "person"
    ),
    filled: Annotated[bool, typer.Option("--filled/--causal", help="with gap-filled rows, or as known live")] = False,
    skip_flagged: Annotated[
        bool, typer.Option(help="leave out truth rows flagged 0, as the official MOTChallenge evaluation does")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="folder for report.html and result.json")] = None,
    video: Annotated[Path | None, typer.Option(metavar="FILE", help="the recording: the report shows frames")] = None,
    block: Annotated[int, typer.Option(min=1, help="frames that are drawn together, since neighbours agree")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """MOTA, IDF1 and HOTA of tracks. All rows of the truth count, unless --skip-flagged.

    Raises ``UsageError`` for files that cannot be read or compared.
    """
    counted = read_mot(truth, flagged=not skip_flagged)
    tracks = read_result(result, class_name=None if class_name == "all" else class_name, filled=filled)
    scores = evaluate(tracks, counted, iou=iou)
    facts = asdict(scores) | {"iou": iou, "filled": filled, "flagged": counted.flagged}
    if out is not None:
        from lab.evaluate.track_report import mota_interval, write_report
        from lab.train.run_folder import write_json

        open_out(out)
        found = moments(tracks, counted, iou=iou)
        write_report(out, result.name, scores, found, block=block, video=video)
        interval = mota_interval(found, block=block)
        write_json(out / "result.json", facts | {"mota_low": interval.low, "mota_high": interval.high})
    elif video is not None:
        raise UsageError("--video goes into the report; say where that is to be: --out DIR")
    if as_json:
        typer.echo(msgspec.json.encode(facts).decode())
    else:
        typer.echo(_table(scores, counted.flagged))


def _table(scores: Scores, flagged: int) -> str:
    shares = ("mota", "idf1", "hota", "deta", "assa", "motp", "precision", "recall")
    counts = ("id_switches", "fp", "fn", "boxes", "objects", "tracks")
    lines = [f"{name:<12}{getattr(scores, name):8.3f}" for name in shares]
    lines += [f"{name:<12}{getattr(scores, name):8d}" for name in counts]
    if flagged:
        lines.append(f"{flagged} of the boxes are flagged 0 (not counted officially): see --skip-flagged")
    return "\n".join(lines)
