"""No frame is written over while somebody may read it, and no ring outlives its use."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import RingError, StaleSlot
from pipeline.messages import Frame, Slot
from pipeline.rings import RingReader
from pipeline.slots import SlotPool
from pipeline.stage import Captured, Picture

SIZES = ((12, 16, 3), (24, 32, 3), (6, 8, 3))


def picture(index: int, shape: tuple[int, ...] = SIZES[0]) -> Picture:
    return np.full(shape, index % 251, np.uint8)


def captured(index: int, pixels: Picture | None = None, aux: Picture | None = None) -> Captured:
    frame = Frame(camera="gate", session=0, index=index, media_ns=index)
    return Captured(frame, picture(index) if pixels is None else pixels, aux, None)


def rings_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.ring"))


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[SlotPool]:
    made = SlotPool(tmp_path, name="gate", slots=3)
    yield made
    made.close()


@pytest.fixture
def reader() -> Iterator[RingReader]:
    made = RingReader()
    yield made
    made.close()


def place(pool: SlotPool, frame: Captured) -> Slot:
    slot = pool.place(frame)
    assert slot is not None
    return slot


def test_a_reader_finds_the_frame_and_its_plane_in_the_slot(pool: SlotPool, reader: RingReader) -> None:
    view = reader.view(place(pool, captured(7, aux=np.full((3, 4), 9, np.uint8))))
    assert (view.pixels == 7).all()
    assert view.aux is not None
    assert (view.aux == 9).all()


def test_a_frame_decoded_into_the_canvas_is_not_copied(pool: SlotPool, reader: RingReader) -> None:
    assert pool.canvas() is None, "there is no ring before the first frame tells its size"
    pool.place(captured(0))
    canvas = pool.canvas()
    assert canvas is not None
    canvas[:] = 42
    view = reader.view(place(pool, captured(1, canvas)))
    assert (view.pixels == 42).all()
    canvas[0] = 43
    assert (view.pixels[0] == 43).all(), "it lies where it was decoded"


def test_a_full_ring_takes_no_frame_until_one_is_released(pool: SlotPool, reader: RingReader) -> None:
    slots = [place(pool, captured(index)) for index in range(3)]
    assert (pool.full, pool.canvas()) == (True, None)
    assert pool.place(captured(3)) is None
    assert [int(reader.view(slot).pixels[0, 0, 0]) for slot in slots] == [0, 1, 2]
    pool.release(1)
    assert not pool.full
    assert sorted(pool.lent) == [0, 2]
    assert place(pool, captured(3)).number == slots[1].number


def test_releasing_a_frame_twice_or_an_unknown_one_frees_nothing(pool: SlotPool) -> None:
    for index in range(3):
        pool.place(captured(index))
    for index in (1, 1, 99, -1):
        pool.release(index)
    assert pool.place(captured(4)) is not None
    assert pool.place(captured(5)) is None


def test_a_reference_to_a_slot_that_is_decoded_into_again_is_stale(pool: SlotPool, reader: RingReader) -> None:
    slots = [place(pool, captured(index)) for index in range(3)]
    pool.release(2)
    assert (reader.view(slots[2]).pixels == 2).all(), "a late reader is served until the slot is used again"
    pool.canvas()
    with pytest.raises(StaleSlot):
        reader.view(slots[2])


def test_after_a_change_of_size_the_old_ring_stays_until_its_last_frame_is_released(
    pool: SlotPool, reader: RingReader, tmp_path: Path
) -> None:
    small = [place(pool, captured(index)) for index in range(2)]
    large = place(pool, captured(2, picture(2, SIZES[1])))
    assert len(rings_in(tmp_path)) == 2
    pool.release(0)
    assert (reader.view(small[1]).pixels == 1).all()
    pool.release(1)
    assert rings_in(tmp_path) == [Path(large.ring)]
    assert reader.view(large).pixels.shape == SIZES[1]


def test_a_ring_that_nobody_uses_goes_with_the_change_of_size(pool: SlotPool, tmp_path: Path) -> None:
    pool.place(captured(0))
    pool.release(0)
    large = place(pool, captured(1, picture(1, SIZES[1])))
    assert rings_in(tmp_path) == [Path(large.ring)]


def test_a_disk_that_is_full_is_an_error_and_leaves_the_frames_in_use_alone(
    small_disk: Path, reader: RingReader
) -> None:
    pool = SlotPool(small_disk, name="gate", slots=3)
    slot = place(pool, captured(0))
    with pytest.raises(RingError, match="is full"):
        pool.place(captured(1, picture(1, (600, 800, 3))))
    assert (reader.view(slot).pixels == 0).all()
    assert (reader.view(place(pool, captured(1))).pixels == 1).all(), "the size before still fits"
    pool.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("place"), st.sampled_from(SIZES)),
            st.tuples(st.just("release"), st.integers(0, 40)),
        ),
        max_size=60,
    )
)
def test_frames_in_use_keep_their_pixels_through_any_placing_releasing_and_resizing(
    tmp_path: Path, steps: list[tuple[str, object]]
) -> None:
    pool, reader = SlotPool(tmp_path, name="gate", slots=3), RingReader()
    in_use: dict[int, Slot] = {}
    index = 0
    for action, value in steps:
        if action == "place" and isinstance(value, tuple):
            canvas = pool.canvas()
            if canvas is not None and canvas.shape == value:
                canvas[:] = index % 251
            else:
                canvas = picture(index, value)
            slot = pool.place(captured(index, canvas))
            if slot is not None:
                in_use[index] = slot
            index += 1
        elif isinstance(value, int):
            pool.release(value)
            in_use.pop(value, None)
        assert sorted(pool.lent) == sorted(in_use)
        for number, slot in in_use.items():
            assert (reader.view(slot).pixels == number % 251).all()
    assert len({(slot.ring, slot.number) for slot in in_use.values()}) == len(in_use)
    assert len(rings_in(tmp_path)) <= len({slot.ring for slot in in_use.values()}) + 1
    reader.close()
    pool.close()
    assert rings_in(tmp_path) == []
