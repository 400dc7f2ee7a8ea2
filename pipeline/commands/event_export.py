"""Events as a file: CSV and Parquet with a row for each event, JSON Lines with each message as ``events.jsonl`` has it.

Read and written in pages: how much memory it takes does not depend on how many events there are.
"""

import csv
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.store.catalogue import Alarm, Catalogue, Wanted
from pipeline.whole_file import write_whole

COLUMNS = (
    *("id", "camera", "rule", "name", "severity", "class", "region", "reason", "started_at", "ended_at"),
    *("started", "ended", "ending", "messages", "protected"),
)
_PAGE = 500


def export_to(path: Path, catalogue: Catalogue, wanted: Wanted, *, form: str) -> int:
    """Write the events that are wanted, the oldest first; gives their number. ``-`` is the terminal.

    Raises ``UsageError`` where the file cannot be written.
    """
    counted = _Counted(catalogue.all(wanted))
    try:
        if form == "parquet":
            if str(path) == "-":
                raise UsageError("--output -: Parquet is no text; name a file")
            _write_parquet(path, counted)
        elif str(path) == "-":
            _print(_CHUNKS[form](catalogue, counted))
        else:
            write_whole(path, _CHUNKS[form](catalogue, counted))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    return counted.number


def _print(chunks: Iterable[bytes]) -> None:
    try:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


class _Counted:
    """The events, counted as they pass."""

    def __init__(self, alarms: Iterator[Alarm]) -> None:
        self._alarms = alarms
        self.number = 0

    def __iter__(self) -> Iterator[Alarm]:
        for alarm in self._alarms:
            self.number += 1
            yield alarm


def _pages(alarms: Iterable[Alarm], size: int) -> Iterator[list[Alarm]]:
    rest = iter(alarms)
    while page := list(islice(rest, size)):
        yield page


def _row(alarm: Alarm) -> tuple[Any, ...]:
    """Values in the order of ``COLUMNS``; times are aware."""
    return (
        *(alarm.event_id, alarm.camera, alarm.rule, alarm.name, alarm.severity, alarm.class_name, alarm.region),
        *(alarm.reason, alarm.began, alarm.over, alarm.started, alarm.ended, alarm.ending, alarm.messages),
        alarm.protected,
    )


def _csv(_catalogue: Catalogue, alarms: "_Counted") -> Iterator[bytes]:
    """As RFC 4180 has it, with a line of titles; times are RFC 3339, UTC, all written alike."""
    yield ",".join(COLUMNS).encode() + b"\r\n"
    for page in _pages(alarms, _PAGE):
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerows([_csv_value(value) for value in _row(alarm)] for alarm in page)
        yield text.getvalue().encode()


def _csv_value(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def _json_lines(catalogue: Catalogue, alarms: "_Counted") -> Iterator[bytes]:
    for page in _pages(alarms, _PAGE):
        bodies = catalogue.bodies([alarm.event_id for alarm in page])
        yield "".join([f"{body}\n" for body in bodies]).encode()


_CHUNKS: dict[str, Callable[[Catalogue, _Counted], Iterator[bytes]]] = {"csv": _csv, "jsonl": _json_lines}
FORMATS = (*_CHUNKS, "parquet")


def _write_parquet(path: Path, alarms: _Counted) -> None:
    import polars
    from polars.io.plugins import register_io_source

    utc = polars.Datetime("us", "UTC")
    types: dict[str, Any] = {"started_at": utc, "ended_at": utc, "started": polars.Float64, "ended": polars.Float64}
    types |= {"messages": polars.Int64, "protected": polars.Boolean}
    schema: dict[str, Any] = {name: types.get(name, polars.String()) for name in COLUMNS}

    def pages(*_: Any) -> Iterator[Any]:
        for page in _pages(alarms, 10 * _PAGE):
            yield polars.DataFrame([_row(alarm) for alarm in page], schema=schema, orient="row")

    part = path.with_name(f".{path.name}.part")
    try:
        register_io_source(pages, schema=schema).sink_parquet(part)
        part.replace(path)
    except polars.exceptions.PolarsError as error:
        raise UsageError(f"{path}: cannot be written: {' '.join(str(error).split())}") from error
    finally:
        part.unlink(missing_ok=True)
