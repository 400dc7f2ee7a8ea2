"""The page about tracks: figures, how they change over the recording, and the frames where most goes wrong."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lab.evaluate.track import Scores
from lab.evaluate.track_moments import Moment
from lab.report.charts import curves
from lab.report.page import Page
from lab.statistics import Interval, interval_of
from pipeline.errors import UsageError
from pipeline.stage import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MISSED, FALSE, SWITCHED = (0, 94, 213), (178, 114, 0), (167, 121, 204)
"""BGR."""
LEGEND = "Orange: there, and not found. Blue: found, and not there. Pink: its track became another."
STRETCHES = 40
WORST = 6
Weights = npt.NDArray[np.float64]


def mota_interval(moments: Sequence[Moment], *, block: int) -> Interval:
    """MOTA with 95 %: stretches of ``block`` frames are drawn anew, since neighbouring frames fail alike."""
    table = np.array([(moment.boxes, moment.faults) for moment in moments], np.float64)
    return interval_of(partial(_mota, table), len(table), block=block)


def _mota(table: npt.NDArray[np.float64], weights: Weights) -> float:
    boxes, faults = weights @ table
    return float(1 - faults / boxes) if boxes else float("nan")


def write_report(
    out: Path, title: str, scores: Scores, moments: Sequence[Moment], *, block: int, video: Path | None
) -> Path:
    """Write ``out/report.html``. Raises ``UsageError`` for a video that cannot be read, or is too short."""
    page = Page(f"Tracks: {title}", "How well tracks agree with the truth, when they do not, and what it looked like.")
    page.tiles(
        [
            ("MOTA", f"{scores.mota:.3f}", str(mota_interval(moments, block=block)).partition(" ")[2]),
            ("IDF1", f"{scores.idf1:.3f}", f"{scores.id_switches} identity switches"),
            ("HOTA", f"{scores.hota:.3f}", f"detection {scores.deta:.3f}, association {scores.assa:.3f}"),
            ("Recall", f"{scores.recall:.3f}", f"{scores.fn} of {scores.boxes} boxes missed"),
            ("Precision", f"{scores.precision:.3f}", f"{scores.fp} boxes that are not there"),
        ]
    )
    page.text(
        f"{scores.objects} objects, {scores.tracks} tracks. In brackets: 95 %, from drawing stretches of {block} "
        "frames anew; IDF1 and HOTA belong to the whole recording and have none."
    )
    page.section("Over the recording").figure(_over_time(moments), "Faults for each box of the truth, by stretch.")
    wrong = [moment for moment in moments if moment.faults]
    worst = sorted(wrong, key=lambda moment: (-len(moment.switched), -moment.faults, moment.frame))[:WORST]
    page.section("Worst frames")
    page.table(
        ("frame", "boxes", "missed", "false", "switched"),
        [(m.frame, m.boxes, len(m.missed), len(m.false), len(m.switched)) for m in worst],
    )
    if video is not None and worst:
        page.text(LEGEND).pictures(_drawn(video, worst))
    return page.write(out / "report.html")


def _over_time(moments: Sequence[Moment]) -> "Figure":
    parts = [part for part in np.array_split(np.arange(len(moments)), min(STRETCHES, len(moments))) if len(part)]
    middle = np.array([moments[int(part[len(part) // 2])].frame for part in parts], np.float64)
    lines = {}
    for name in ("missed", "false", "switched"):
        share = [
            sum(len(getattr(moments[i], name)) for i in part) / max(sum(moments[i].boxes for i in part), 1)
            for part in parts
        ]
        lines[name] = (middle, np.array(share))
    return curves(lines, x="frame", y="for each box", limits=None)


def _drawn(video: Path, worst: Sequence[Moment]) -> list[tuple[Picture, str]]:
    """The frames in their order, each with its faults."""
    import av
    import cv2

    wanted = {moment.frame: moment for moment in worst}
    shown: list[tuple[Picture, str]] = []
    try:
        with av.open(str(video)) as container:
            for number, frame in enumerate(container.decode(video=0), start=1):
                if number not in wanted:
                    continue
                picture, moment = frame.to_ndarray(format="bgr24"), wanted[number]
                for name, colour in (("missed", MISSED), ("false", FALSE), ("switched", SWITCHED)):
                    for left, top, right, bottom in getattr(moment, name).round().astype(int).tolist():
                        cv2.rectangle(picture, (left, top), (right, bottom), colour, 3, cv2.LINE_AA)
                shown.append((picture.astype(np.uint8, copy=False), f"frame {number}"))
                if len(shown) == len(wanted):
                    break
    except (OSError, av.FFmpegError) as error:
        raise UsageError(f"--video {video}: cannot be read: {error}") from error
    if len(shown) < len(wanted):
        raise UsageError(f"--video {video}: has no frame {max(wanted)}; it is not the recording of these tracks")
    return shown
