"""A reader gets the pixels that the reference names, or an error, whatever the writer does."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import RingError, StaleSlot
from pipeline.messages import Slot
from pipeline.rings import RingReader, RingWriter

SHAPE = (12, 16, 3)
AUX = (3, 4)
SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

DIE_MID_WRITE = """
import os, signal, sys
from pathlib import Path
import msgspec
from pipeline.rings import RingWriter
ring = RingWriter.create(Path(sys.argv[1]), name="gate", slots=2, shape=(12, 16, 3))
for number in (0, 1):
    ring.begin(number)
    ring.canvas(number)[:] = 5 + number
    print(msgspec.json.encode(ring.commit(number)).decode(), flush=True)
ring.begin(0)
ring.canvas(0)[:6] = 99
os.kill(os.getpid(), signal.SIGKILL)
"""

READ_AND_DIE = """
import os, signal, sys
import msgspec
from pipeline.messages import Slot
from pipeline.rings import RingReader
view = RingReader().view(msgspec.json.decode(sys.argv[1], type=Slot))
assert (view.pixels == 5).all()
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write(ring: RingWriter, number: int, value: int) -> Slot:
    ring.begin(number)
    ring.canvas(number)[:] = value
    aux = ring.aux(number)
    if aux is not None:
        aux[:] = value
    return ring.commit(number)


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[RingWriter]:
    made = RingWriter.create(tmp_path, name="gate", slots=3, shape=SHAPE, aux_shape=AUX)
    yield made
    made.close()


@pytest.fixture
def reader() -> Iterator[RingReader]:
    made = RingReader()
    yield made
    made.close()


def test_a_reader_sees_the_pixels_written(ring: RingWriter, reader: RingReader) -> None:
    slots = [write(ring, number, 10 + number) for number in range(ring.slots)]
    for number, slot in enumerate(slots):
        pixels, aux = reader.view(slot)
        assert aux is not None
        assert pixels.dtype == aux.dtype == np.uint8
        assert pixels.shape == SHAPE
        assert aux.shape == AUX
        assert (pixels == 10 + number).all()
        assert (aux == 10 + number).all()
        reader.check(slot)


def test_what_a_reader_gets_cannot_be_written_to(ring: RingWriter, reader: RingReader) -> None:
    pixels, aux = reader.view(write(ring, 0, 1))
    assert aux is not None
    assert not pixels.flags.writeable
    assert not aux.flags.writeable


def test_a_decoder_can_write_straight_into_the_canvas(ring: RingWriter) -> None:
    assert ring.canvas(0).flags.c_contiguous
    assert ring.canvas(0).flags.writeable
    assert ring.canvas(0) is ring.canvas(0)
    assert not np.shares_memory(ring.canvas(0), ring.canvas(1))
    assert not np.shares_memory(ring.canvas(0), ring.aux(0))


def test_a_ring_without_auxiliary_plane_has_none(tmp_path: Path, reader: RingReader) -> None:
    ring = RingWriter.create(tmp_path, name="gate", slots=1, shape=SHAPE)
    assert ring.aux(0) is None
    assert reader.view(write(ring, 0, 1)).aux is None
    ring.close()


def test_a_slow_reader_learns_that_its_slot_was_overwritten(ring: RingWriter, reader: RingReader) -> None:
    slot = write(ring, 0, 1)
    reader.view(slot)
    ring.begin(0)
    with pytest.raises(StaleSlot):
        reader.check(slot)
    with pytest.raises(StaleSlot):
        reader.view(slot)
    newer = ring.commit(0)
    with pytest.raises(StaleSlot, match=rf"generation {slot.generation}"):
        reader.check(slot)
    reader.check(newer)


@SHARED_FOLDER
@given(st.lists(st.tuples(st.sampled_from(["write", "begin", "commit"]), st.integers(0, 2), st.integers(0, 255))))
def test_only_the_latest_committed_reference_of_a_slot_is_readable(
    tmp_path: Path, steps: list[tuple[str, int, int]]
) -> None:
    ring, reader = RingWriter.create(tmp_path, name="gate", slots=3, shape=SHAPE), RingReader()
    latest: dict[int, tuple[Slot, int]] = {}
    given_out: list[Slot] = []
    for step, number, value in steps:
        if step == "write":
            latest[number] = (write(ring, number, value), value)
            given_out.append(latest[number][0])
        elif step == "begin":
            ring.begin(number)
            ring.canvas(number)[:] = value
            latest.pop(number, None)
    valid = {(slot.number, slot.generation): value for slot, value in latest.values()}
    for slot in given_out:
        value_there = valid.get((slot.number, slot.generation))
        if value_there is None:
            with pytest.raises(StaleSlot):
                reader.view(slot)
        else:
            assert (reader.view(slot).pixels == value_there).all()
    assert len(given_out) == len({(slot.number, slot.generation) for slot in given_out})
    reader.close()
    ring.close()


def test_a_commit_without_begin_is_refused(ring: RingWriter) -> None:
    with pytest.raises(RingError, match="without being begun"):
        ring.commit(0)


def test_a_slot_that_was_never_written_is_not_readable(ring: RingWriter, reader: RingReader) -> None:
    slot = write(ring, 0, 1)
    with pytest.raises(StaleSlot):
        reader.view(msgspec.structs.replace(slot, number=1))


def test_what_a_writer_killed_mid_write_left_is_stale_and_the_rest_readable(
    root: Path, tmp_path: Path, reader: RingReader
) -> None:
    command = [sys.executable, "-c", DIE_MID_WRITE, str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    half, whole = (msgspec.json.decode(line, type=Slot) for line in done.stdout.splitlines())
    with pytest.raises(StaleSlot):
        reader.view(half)
    assert (reader.view(whole).pixels == 6).all()


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_the_end_of_a_reader_leaves_the_ring_as_it_is(root: Path, ring: RingWriter, end: str) -> None:
    """multiprocessing.shared_memory unlinks the segment here."""
    slot = write(ring, 0, 5)
    command = [sys.executable, "-c", READ_AND_DIE, msgspec.json.encode(slot).decode(), end]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == (0 if end == "exit" else -signal.SIGKILL), done.stderr
    other = RingReader()
    assert (other.view(slot).pixels == 5).all()
    other.close()


def test_closing_removes_the_file_but_not_the_pixels_of_those_who_read(tmp_path: Path, reader: RingReader) -> None:
    ring = RingWriter.create(tmp_path, name="gate", slots=1, shape=SHAPE)
    pixels = reader.view(write(ring, 0, 9)).pixels
    ring.close()
    reader.close()
    assert not ring.path.exists()
    assert (pixels == 9).all()


def test_two_rings_of_one_name_are_two_files(tmp_path: Path, reader: RingReader) -> None:
    first, second = (RingWriter.create(tmp_path, name="gate", slots=1, shape=SHAPE) for _ in range(2))
    old, new = write(first, 0, 1), write(second, 0, 2)
    first.close()
    assert (reader.view(new).pixels == 2).all()
    with pytest.raises(RingError, match="cannot be opened"):
        reader.view(old)
    second.close()


def test_a_full_shared_memory_is_said_at_creation_with_numbers(small_disk: Path) -> None:
    with pytest.raises(RingError, match=r"full.*needs \d+\.\d MiB, 1\.0 MiB are free; enlarge it"):
        RingWriter.create(small_disk, name="gate", slots=8, shape=(480, 640, 3))
    assert list(small_disk.iterdir()) == []
    RingWriter.create(small_disk, name="gate", slots=2, shape=SHAPE).close()


def test_space_is_reserved_before_the_first_frame(small_disk: Path) -> None:
    ring = RingWriter.create(small_disk, name="gate", slots=2, shape=(300, 400, 3))
    space = os.statvfs(small_disk)
    assert space.f_bavail * space.f_frsize < 2**20 - 2 * 300 * 400 * 3
    with pytest.raises(RingError, match="full"):
        RingWriter.create(small_disk, name="yard", slots=2, shape=(300, 400, 3))
    for number in range(2):
        write(ring, number, 255)
    ring.close()


@pytest.mark.parametrize(("slots", "shape"), [(0, SHAPE), (1, (0, 4, 3)), (1, (4, 4, 4)), (10**9, (10**6, 10**6, 3))])
def test_a_ring_that_makes_no_sense_is_refused(tmp_path: Path, slots: int, shape: tuple[int, int, int]) -> None:
    with pytest.raises(RingError, match="can be made"):
        RingWriter.create(tmp_path, name="gate", slots=slots, shape=shape)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RingError, match="nowhere"):
        RingWriter.create(tmp_path / "nowhere", name="gate", slots=1, shape=SHAPE)


@pytest.mark.parametrize("keep", [0, 10, 4096, 8192])
def test_a_truncated_ring_is_refused_and_not_a_bus_error(ring: RingWriter, keep: int) -> None:
    slot = write(ring, 0, 1)
    before, after = RingReader(), RingReader()
    before.view(slot)
    os.truncate(ring.path, keep)
    for reader in (before, after):
        with pytest.raises(RingError):
            reader.view(slot)
        reader.close()


@SHARED_FOLDER
@given(st.binary(max_size=64), st.integers(0, 40))
def test_foreign_files_are_refused(tmp_path: Path, junk: bytes, place: int) -> None:
    ring = RingWriter.create(tmp_path, name="gate", slots=1, shape=SHAPE)
    slot = write(ring, 0, 1)
    data = bytearray(ring.path.read_bytes())
    data[place : place + len(junk)] = junk
    foreign = tmp_path / "foreign.ring"
    foreign.write_bytes(data[: 32 + len(junk)] if place % 2 else data)
    reader = RingReader()
    with contextlib.suppress(RingError):
        reader.view(msgspec.structs.replace(slot, ring=str(foreign)))
    reader.close()
    ring.close()


def test_whatever_path_a_peer_names_is_an_error_and_never_a_wait(
    tmp_path: Path, ring: RingWriter, reader: RingReader
) -> None:
    slot = write(ring, 0, 1)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(ring.path)
    for path in ("/dev/zero", "/etc/hostname", "/nowhere", "a\0b", "", str(tmp_path), *map(str, tmp_path.iterdir())):
        if path != str(ring.path):
            with pytest.raises(RingError):
                reader.view(msgspec.structs.replace(slot, ring=path))


@pytest.mark.parametrize("change", [{"number": 3}, {"number": -1}, {"shape": (16, 12, 3)}, {"aux_shape": (0, 0)}])
def test_a_reference_that_does_not_fit_its_ring_is_refused(
    ring: RingWriter, reader: RingReader, change: dict[str, object]
) -> None:
    slot = write(ring, 0, 1)
    with pytest.raises(RingError, match="is not one of them"):
        reader.view(msgspec.structs.replace(slot, **change))


def test_a_reader_keeps_a_bounded_number_of_rings_mapped(tmp_path: Path) -> None:
    rings = [RingWriter.create(tmp_path, name="gate", slots=1, shape=SHAPE) for _ in range(5)]
    slots = [write(ring, 0, number) for number, ring in enumerate(rings)]
    reader = RingReader(max_maps=2)
    for number, slot in [*enumerate(slots), *enumerate(slots)]:
        assert (reader.view(slot).pixels == number).all()
        mapped = Path("/proc/self/maps").read_text()
        # Each writer of this process maps its own ring once.
        assert sum(mapped.count(str(ring.path)) for ring in rings) <= len(rings) + 2
    reader.close()
    for ring in rings:
        ring.close()


def test_a_forgotten_ring_is_mapped_anew(ring: RingWriter, reader: RingReader) -> None:
    slot = write(ring, 0, 4)
    reader.view(slot)
    reader.forget(slot.ring)
    reader.forget("never seen")
    assert str(ring.path) in slot.ring
    assert (reader.view(slot).pixels == 4).all()
