"""The report says "balanced" only when every frame is accounted for."""

import json
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.histogram import Histogram
from pipeline.report import Book, Restart, build_report, find_imbalances, write_report

STAGES = ("capture", "dispatch", "detect", "alert")


@st.composite
def balanced_books(draw: st.DrawFn) -> list[Book]:
    """Books of some cameras through all stages, with nothing wrong in them."""
    books = []
    for number in range(draw(st.integers(1, 3))):
        frames = draw(st.integers(0, 10_000))
        for stage in STAGES:
            dropped = draw(
                st.dictionaries(st.sampled_from(["static", "stale"]), st.integers(0, frames // 4), max_size=2)
            )
            waiting = draw(st.integers(0, frames // 4))
            given_on = frames - sum(dropped.values()) - waiting
            books.append(
                Book(stage=stage, camera=f"c{number}", taken=frames, given=given_on, dropped=dropped, in_flight=waiting)
            )
            frames = given_on
    return books


def wrong(book: Book, field: str, amount: int) -> Book:
    if field != "dropped":
        return msgspec.structs.replace(book, **{field: getattr(book, field) + amount})
    reason = next(iter(book.dropped), "stale")
    return msgspec.structs.replace(book, dropped={**book.dropped, reason: book.dropped.get(reason, 0) + amount})


@given(balanced_books())
def test_right_books_balance(books: list[Book]) -> None:
    assert find_imbalances(books) == []


@given(balanced_books(), st.data())
def test_a_wrong_count_is_always_found(books: list[Book], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(books) - 1))
    field = data.draw(st.sampled_from(["taken", "given", "in_flight", "dropped"]))
    amount = data.draw(st.integers(-100, 100).filter(bool))
    books[row] = wrong(books[row], field, amount)
    assert find_imbalances(books)


@given(balanced_books(), st.data())
def test_a_frame_lost_between_two_stages_is_always_found(books: list[Book], data: st.DataObject) -> None:
    """Each book is right by itself, but a stage says that it got fewer or more than the stage before gave."""
    rows = [row for row, book in enumerate(books) if book.stage != STAGES[0]]
    row = data.draw(st.sampled_from(rows))
    amount = data.draw(st.integers(-100, 100).filter(bool))
    books[row] = wrong(wrong(books[row], "taken", amount), "given", amount)
    assert find_imbalances(books)


@given(balanced_books(), st.randoms())
def test_the_order_of_the_books_does_not_matter(books: list[Book], order: Random) -> None:
    order.shuffle(books)
    assert find_imbalances(books) == []


def test_an_imbalance_says_which_camera_which_stage_and_how_many() -> None:
    books = [
        Book(stage="capture", camera="gate", taken=10, given=8, dropped={"static": 1}),
        Book(stage="detect", camera="gate", taken=7, given=7),
    ]
    assert find_imbalances(books) == [
        "gate: capture took 10 frames, but gave 8, dropped 1 and has 0",
        "gate: capture gave 8 frames, detect got 7",
    ]


def test_a_negative_number_is_found_even_if_the_sum_is_right() -> None:
    book = Book(stage="detect", camera="gate", taken=5, given=6, dropped={"stale": -1})
    assert find_imbalances([book]) == ["gate: detect says -1 for stale"]


def test_two_books_of_one_stage_and_camera_are_found() -> None:
    book = Book(stage="detect", camera="gate", taken=5, given=5)
    assert "gate: detect keeps 2 books, where one is right" in find_imbalances([book, book])


def test_the_file_has_the_promised_keys(tmp_path: Path) -> None:
    latency = Histogram()
    for milliseconds in range(1, 101):
        latency.add(milliseconds)
    report = build_report(
        books=[Book(stage="capture", camera="gate", taken=100, given=90, dropped={"static": 10})],
        elapsed_s=4.0,
        latency_ms=latency,
        events=3,
        outbox={"hook": {"pending": 0, "delivered": 3, "dead": 0}},
        restarts=[Restart(stage="detect[0]", reason="signal 9", time="2026-11-21T08:00:00Z")],
        sources=[{"camera": "gate", "reason": "eof"}],
    )
    write_report(tmp_path / "report.json", report)
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["books"] == [
        {"stage": "capture", "camera": "gate", "in": 100, "out": 90, "dropped": {"static": 10}, "in_flight": 0}
    ]
    assert (written["balanced"], written["imbalances"], written["frames"], written["fps"]) == (True, [], 100, 25.0)
    assert written["latency_ms"]["p50"] == pytest.approx(50, rel=0.011)
    assert written["latency_ms"]["p99"] == pytest.approx(99, rel=0.011)
    assert written["restarts"][0]["reason"] == "signal 9"
    assert written["outbox"]["hook"]["delivered"] == 3


def test_a_run_without_frames_or_events_has_a_report() -> None:
    report = build_report(books=[], elapsed_s=0.0, latency_ms=Histogram())
    assert (report.balanced, report.fps, report.latency_ms.p50) == (True, 0.0, None)
