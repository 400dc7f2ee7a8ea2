"""What a million events cost: pages, filters, export, pruning, and a commit, beside the same in a small store.

``python -m benchmarks.event_store [--events 1000000] [--url postgresql://...] [--out FILE]`` makes the events with the
store's own ``commit``, one camera's day after the other, and measures in one run. It exits with 1 where a figure is
over its limit: pages must not cost more than ``RATIO`` times what they cost in the small store, or ``SLOW_MS``, also
where filters fit no event together (here no camera3 is critical).
"""

import argparse
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import msgspec

from pipeline.commands.event_export import export_to
from pipeline.messages import Event
from pipeline.store.address import StoreAddress
from pipeline.store.catalogue import Alarm, Wanted
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from pipeline.wall import rfc3339

SMALL, PAGE, DEEP, BATCH, RATIO, SLOW_MS = 10_000, 50, 1000, 500, 10.0, 100.0
NOON = 1_767_268_800 * 10**9
SECOND = 10**9
CAMERAS = [f"camera{number}" for number in range(8)]
RULES = [("in_field", "yard"), ("in_field", "lawn"), ("loitering", "door"), ("line_crossed", "road")]
SEVERITIES = ["low"] * 60 + ["medium"] * 30 + ["high"] * 9 + ["critical"]
CLASSES = ["person", "car", "dog"]


def messages(number: int) -> Iterator[Event]:
    """Start and end of an event; one in ten thousand is not over."""
    rule, name = RULES[number % len(RULES)]
    about = sample_event().object
    assert about is not None
    for kind in ("start", "end") if number % 10_000 else ("start",):
        at_ns = NOON + number * 20 * SECOND + (8 * SECOND if kind == "end" else 0)
        yield sample_event(
            CAMERAS[number % len(CAMERAS)],
            number,
            id=f"{number:032x}",
            message_id=f"{number:031x}{kind[0]}",
            type=kind,
            rule=rule,
            name=name,
            severity=SEVERITIES[number * 7919 % 100],
            media_time=number * 20.0 + (8.0 if kind == "end" else 0.0),
            started=number * 20.0,
            ended="left" if kind == "end" else "",
            wall_time=rfc3339(at_ns),
            object=msgspec.structs.replace(about, class_name=CLASSES[number % 3]),
        )


def fill(place: StoreAddress, count: int) -> float:
    """Commit them, a batch of one camera at a time, for no sink; gives the seconds."""
    began = time.perf_counter()
    with EventStore.open(place, analysis_sha256="a") as store:
        done = dict.fromkeys(CAMERAS, 0)
        for start in range(1, count + 1, BATCH * len(CAMERAS)):
            numbers = range(start, min(start + BATCH * len(CAMERAS), count + 1))
            for index, camera in enumerate(CAMERAS):
                events = [event for n in numbers if n % len(CAMERAS) == index for event in messages(n)]
                done[camera] += 1
                store.commit(camera, events, Position(b"state", done[camera], done[camera]), lambda event: [])
    return time.perf_counter() - began


def timed(what: Callable[[], object], times: int = 7) -> float:
    """Median in ms."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        what()
        found.append((time.perf_counter() - began) * 1000)
    return median(found)


def pages(store: EventStore, count: int) -> dict[str, float]:
    """Milliseconds of each kind of page."""
    catalogue = store.catalogue
    middle = NOON + count * 10 * SECOND

    def page(wanted: Wanted, after: Alarm | None = None) -> list[Alarm]:
        return catalogue.page(wanted, limit=PAGE, after=after)

    deep: Alarm | None = None
    for _ in range(min(DEEP, count // PAGE) - 1):
        deep = page(Wanted(), deep)[-1]
    filters = {
        "camera": Wanted(cameras=("camera3",)),
        "two cameras": Wanted(cameras=("camera3", "camera5")),
        "rule": Wanted(rules=("loitering",)),
        "zone": Wanted(zones=("yard",)),
        "severity critical": Wanted(severities=("critical",)),
        "high or critical": Wanted(severities=("high", "critical")),
        "all but critical": Wanted(severities=("low", "medium", "high")),
        "class": Wanted(classes=("dog",)),
        "open": Wanted(is_open=True),
        "before the middle": Wanted(until_ns=middle),
        "camera, before the middle": Wanted(cameras=("camera3",), until_ns=middle),
        "camera and critical": Wanted(cameras=("camera3",), severities=("critical",)),
        "class, zone and critical": Wanted(classes=("dog",), zones=("yard",), severities=("critical",)),
        "nothing fits": Wanted(cameras=("camera3",), rules=("road",), severities=("critical",), until_ns=NOON),
    }
    found = {"first page": timed(lambda: page(Wanted()))}
    found[f"page {DEEP:,} by key"] = timed(lambda: page(Wanted(), deep))
    found |= {f"page: {name}": timed(lambda wanted=wanted: page(wanted)) for name, wanted in filters.items()}  # type: ignore[misc]
    one = f"{count // 2 + 1:032x}"
    found["one event by id"] = timed(lambda: catalogue.find(one))
    found["one by the beginning of its id"] = timed(lambda: catalogue.find(one[:-1]))
    found["everything about it"] = timed(lambda: (catalogue.messages(one), catalogue.deliveries(one)))
    return found


def commit_ms(store: EventStore, count: int) -> float:
    """Of one event with its outbox row, as alert does it; the median of 200."""
    number = count

    def one() -> None:
        nonlocal number
        number += 1
        event = next(messages(number))
        store.commit(event.camera, [event], Position(b"state", number, number), lambda each: ["hook"])

    return timed(one, 200)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--url", help="PostgreSQL; default: SQLite in a temporary folder")
    arguments.add_argument("--out", type=Path, help="add the report to this file")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="bartizan-events-") as folder:
        lines, over = report(Path(folder), chosen.events, chosen.url)
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if chosen.out is not None:
        with chosen.out.open("a") as file:
            file.write(text)
    return int(bool(over))


def report(folder: Path, count: int, url: str | None) -> tuple[list[str], list[str]]:
    """The lines, and those of them that are over a limit."""

    def place(name: str) -> StoreAddress:
        found = StoreAddress.of(folder / f"{name}.db") if url is None else StoreAddress.new(url, folder)
        fill_s[name] = fill(found, SMALL if name == "small" else count)
        return found

    fill_s: dict[str, float] = {}
    small, large = place("small"), place("large")
    engine = f"SQLite {sqlite3.sqlite_version}" if url is None else "PostgreSQL"
    lines = [f"{engine}, Python {platform.python_version()}, {count:,} events beside {SMALL:,}; ms are medians"]
    if url is None:
        size = (folder / "large.db").stat().st_size
        lines.append(f"file: {size / 2**20:,.0f} MiB, {size / count:,.0f} bytes an event (start and end)")
    lines.append(f"filled in {fill_s['large']:.0f} s, {count / fill_s['large']:,.0f} events a second in batches")
    over = []
    with EventStore.open(small, analysis_sha256=None) as few, EventStore.open(large, analysis_sha256=None) as many:
        costs = pages(few, SMALL), pages(many, count)
        costs = (
            costs[0] | {"commit of one event": commit_ms(few, SMALL)},
            costs[1] | {"commit of one event": commit_ms(many, count)},
        )
        lines.append(f"{'':<34}{f'{SMALL:,}':>10}{f'{count:,}':>12}  ratio")
        for name, large_ms in costs[1].items():
            ratio = large_ms / costs[0][name]
            is_over = large_ms > SLOW_MS or (ratio > RATIO and large_ms > SLOW_MS / 10)
            line = f"{name:<34}{costs[0][name]:>10.2f}{large_ms:>12.2f}{ratio:>7.1f}{'  OVER' if is_over else ''}"
            lines.append(line)
            over += [line] if is_over else []
        began = time.perf_counter()
        if looked_at := many.survey():
            seconds = time.perf_counter() - began
            lines.append(f"server looked for the first time at {', '.join(looked_at)}: {seconds:.1f} s")
        lines += export(many, folder, count)
        began = time.perf_counter()
        done = many.pruning(Wanted(), before_ns=NOON + count * 2 * SECOND).delete()
        seconds = time.perf_counter() - began
        lines.append(f"pruned {done.events:,} events in {seconds:.1f} s, {done.events / seconds:,.0f} a second")
    return lines, over


def export(store: EventStore, folder: Path, count: int) -> list[str]:
    """How fast, and how much memory it added."""
    lines = []
    for form in ("csv", "jsonl", "parquet"):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        number = export_to(folder / f"events.{form}", store.catalogue, Wanted(), form=form)
        seconds = time.perf_counter() - began
        size = (folder / f"events.{form}").stat().st_size
        added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        rate = f"{number / seconds:,.0f} events a second, {size / 2**20:,.0f} MiB"
        lines.append(f"export {form}: {seconds:.1f} s, {rate}, {added:.0f} MiB more memory")
    return lines


if __name__ == "__main__":
    sys.exit(main())
