"""Tracks of a camera as a Parquet file, and such a file as rows of the MOTChallenge."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import UsageError
from pipeline.stage import TrackedFrame
from stages.track.gaps import TrackRows, fill_gaps

if TYPE_CHECKING:
    import polars

COLUMNS = ("frame", "media_time_s", "track_id", "class", "confidence", "x1", "y1", "x2", "y2", "filled")
"""1-based frame in the source, seconds of media time, id from 1, class name, 0 to 1, pixels, seen afterwards only."""


def write_tracks(rows: Iterable[TrackedFrame], names: list[str], path: Path, *, fill: bool) -> None:
    """Write what was observed of the tracks to ``path``, sorted by frame and id; whole or not at all.

    Give every frame of the camera in order, also those without tracks: gaps can be filled only at frames that are
    known. With ``fill`` the gaps within tracks are filled and marked (``stages.track.gaps``). ``names`` are the
    classes by id; an id beyond them is written as its number. Equal input gives equal bytes.
    """
    frames = list(rows)
    table = _collect(frames)
    if fill:
        index = np.array([frame.index for frame in frames], np.int64)
        media_ns = np.array([frame.media_ns for frame in frames], np.int64)
        table = _joined(table, fill_gaps(table, index, media_ns))
    table = table.pick(np.lexsort((table.track_id, table.index)))
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _frame(table, names).write_parquet(part, compression="zstd", statistics=False)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_rows(path: Path, *, class_name: str | None, filled: bool) -> npt.NDArray[np.float64]:
    """The tracks in a Parquet file as MOTChallenge rows, float64 (n, 7): frame, id, left, top, width, height,
    confidence.

    ``class_name`` picks a class (None: all of them), ``filled`` includes gap-filled rows. Raises ``UsageError`` when
    the file cannot be read, has other columns, or holds no such class though it holds others.
    """
    import polars as pl

    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing == ["filled"]:
        table = table.with_columns(filled=pl.lit(False))
    elif missing:
        raise UsageError(f"{path}: columns missing: {', '.join(missing)}; tracks have {', '.join(COLUMNS)}")
    known = sorted(table["class"].unique().to_list())
    if class_name is not None:
        if known and class_name not in known:
            raise UsageError(f"{path}: no track of class {class_name!r}; there are: {', '.join(known)}")
        table = table.filter(pl.col("class") == class_name)
    if not filled:
        table = table.filter(~pl.col("filled"))
    corner = table.select(COLUMNS[5:9]).cast(pl.Float64).to_numpy()
    ends = table.select("frame", "track_id").cast(pl.Float64).to_numpy()
    confidence = table.select("confidence").cast(pl.Float64).to_numpy()
    return np.concatenate([ends, corner[:, :2], corner[:, 2:] - corner[:, :2], confidence], axis=1)


def _collect(frames: list[TrackedFrame]) -> TrackRows:
    """The observed rows of all frames."""
    seen = [np.flatnonzero(frame.tracks.observed) for frame in frames]
    counts = np.array([len(rows) for rows in seen], np.int64)

    def column(name: str, dtype: type, shape: tuple[int, ...] = ()) -> npt.NDArray[Any]:
        parts = [getattr(frame.tracks, name)[rows] for frame, rows in zip(frames, seen, strict=True)]
        return np.concatenate([np.zeros((0, *shape), dtype), *parts])

    return TrackRows(
        index=np.repeat(np.array([frame.index for frame in frames], np.int64), counts),
        media_ns=np.repeat(np.array([frame.media_ns for frame in frames], np.int64), counts),
        track_id=column("track_id", np.int32),
        class_id=column("class_id", np.int32),
        confidence=column("confidence", np.float32),
        xyxy=column("xyxy", np.float32, (4,)),
        filled=np.zeros(int(counts.sum()), bool),
    )


def _joined(first: TrackRows, second: TrackRows) -> TrackRows:
    names = TrackRows.__slots__
    return TrackRows(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))


def _frame(rows: TrackRows, names: list[str]) -> "polars.DataFrame":
    import polars as pl

    classes = [names[number] if 0 <= number < len(names) else str(number) for number in rows.class_id.tolist()]
    return pl.DataFrame(
        {
            "frame": pl.Series(rows.index + 1, dtype=pl.Int64),
            "media_time_s": pl.Series(rows.media_ns / 1e9, dtype=pl.Float64),
            "track_id": pl.Series(rows.track_id, dtype=pl.Int64),
            "class": pl.Series(classes, dtype=pl.String),
            "confidence": pl.Series(rows.confidence, dtype=pl.Float32),
            **{name: pl.Series(rows.xyxy[:, side], dtype=pl.Float32) for side, name in enumerate(COLUMNS[5:9])},
            "filled": pl.Series(rows.filled, dtype=pl.Boolean),
        }
    )
