"""The books of a run balance when every frame is accounted for, and say so when one is not."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.books import AT_CAPTURE, AT_DETECT, AT_DISPATCH, books_of
from pipeline.control import CameraConsumed, CameraProgress
from pipeline.messages import Status as FrameStatus
from pipeline.report import find_imbalances
from pipeline.supervisor.status import Status


def run_status(frames: list[FrameStatus], *, skipped: int = 0, offered: int = 0, taken: int | None = None) -> Status:
    """A run whose log has ``frames``; more are announced as skipped or offered; alert has ``taken`` of the log."""
    taken = len(frames) if taken is None else taken
    progress = CameraProgress(
        next_index=len(frames),
        frames_read=len(frames) + skipped + offered,
        pending=skipped + offered,
        pending_offers=offered,
        ended=False,
        online=True,
        media_ns=0,
        counts=counts(frames),
    )
    consumed = CameraConsumed(taken, counts(frames[:taken]), ended=False, events=0)
    return Status(cameras={"gate": progress}, consumed={"gate": consumed})


def counts(frames: list[FrameStatus]) -> dict[str, int]:
    return dict(Counter(status.value for status in frames))


FRAMES = st.lists(st.sampled_from(list(FrameStatus)), max_size=60)


def test_every_status_of_a_frame_has_its_place_in_exactly_one_book() -> None:
    placed = [FrameStatus.ANALYSED, *AT_CAPTURE, *AT_DISPATCH, *AT_DETECT]
    assert sorted(placed) == sorted(FrameStatus)


@given(FRAMES, st.integers(0, 9), st.integers(0, 9), st.data())
def test_whatever_becomes_of_the_frames_the_books_balance(
    frames: list[FrameStatus], skipped: int, offered: int, data: st.DataObject
) -> None:
    taken = data.draw(st.integers(0, len(frames)))
    books = books_of(run_status(frames, skipped=skipped, offered=offered, taken=taken))
    assert find_imbalances(books) == []
    assert [book.stage for book in books] == ["capture", "dispatch", "detect", "alert"]
    assert books[0].taken == len(frames) + skipped + offered
    assert sum(sum(book.dropped.values()) for book in books) == len(frames) - frames.count(FrameStatus.ANALYSED)


@given(FRAMES, st.integers(1, 5))
def test_a_frame_that_capture_read_and_nobody_has_shows(frames: list[FrameStatus], lost: int) -> None:
    status = run_status(frames, skipped=lost)
    progress = status.cameras["gate"]
    status.cameras["gate"] = CameraProgress(
        **{name: getattr(progress, name) for name in progress.__struct_fields__} | {"pending": 0}
    )
    assert any("gate: capture took" in sentence for sentence in find_imbalances(books_of(status)))


@given(FRAMES.filter(lambda frames: FrameStatus.ANALYSED in frames))
def test_a_result_that_alert_says_it_never_saw_shows(frames: list[FrameStatus]) -> None:
    status = run_status(frames)
    fewer = counts(frames) | {"analysed": frames.count(FrameStatus.ANALYSED) - 1}
    status.consumed["gate"] = CameraConsumed(len(frames), fewer, ended=True, events=0)
    assert find_imbalances(books_of(status)) == [
        f"gate: detect gave {frames.count(FrameStatus.ANALYSED)} frames, alert got {fewer['analysed']}"
    ]


def test_a_camera_that_alert_has_not_begun_is_all_in_flight() -> None:
    status = run_status([FrameStatus.ANALYSED] * 4)
    status.consumed.clear()
    alert = books_of(status)[-1]
    assert (alert.taken, alert.given, alert.in_flight) == (4, 0, 4)
