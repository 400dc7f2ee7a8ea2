"""Room is kept for who writes a file, nobody else gets it, and who must open what lies beside it may have it."""

import errno
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.integrity.chain import Chain
from pipeline.spare_room import FLOOR, KEEPER, SCARCE, SHARE, SpareRoom, is_scarce, make_room
from pipeline.store.event_store import EventStore
from tests.full_disk import fill
from tests.mounting import mounted

CONTENT = b"a line\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """One of 20 MiB, of which 2.5 MiB are kept."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=20m", "tmpfs") as place:
        yield place


@pytest.fixture
def file(small_disk: Path) -> Iterator[int]:
    """The file that keeps room, opened to be added to."""
    descriptor = os.open(small_disk / KEEPER, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, CONTENT)
    yield descriptor
    os.close(descriptor)


def taken(file: int) -> SpareRoom:
    room = SpareRoom(file)
    room.take(os.fstat(file).st_size)
    return room


def free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def written(file: int) -> int:
    """Bytes that can be added until there is no room."""
    count = 0
    with suppress(OSError):
        while True:
            count += os.write(file, bytes(512))
    return count


def test_what_is_kept_can_be_written_on_a_full_disk_and_shows_neither_in_size_nor_content(
    file: int, small_disk: Path
) -> None:
    before = free(small_disk)
    taken(file)
    assert (small_disk / KEEPER).read_bytes() == CONTENT
    kept = before - free(small_disk)
    assert before / SHARE - 8192 < kept < before / SHARE + 8192, "no more of a small disk than its part"
    fill(small_disk)
    assert kept - 512 <= written(file) <= kept + 4096


def test_without_it_nothing_can_be_written(file: int, small_disk: Path) -> None:
    fill(small_disk)
    assert written(file) < 4096, "what is left of a page"


def test_the_process_after_it_finds_what_is_kept(file: int, small_disk: Path) -> None:
    taken(file)
    fill(small_disk)
    with (small_disk / KEEPER).open("ab", buffering=0) as successor:
        taken(successor.fileno())
        assert written(successor.fileno()) > 50_000


def test_all_of_it_is_left_or_there_is_an_error_until_there_is_room_again(file: int, small_disk: Path) -> None:
    room = taken(file)
    ballast = fill(small_disk)
    used = os.fstat(file).st_size + 4096
    with pytest.raises(OSError, match="No space left"):
        room.leave(used)
    ballast.unlink()
    room.leave(used)
    fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        room.leave(used + 2 * 65536)


def test_what_was_used_is_kept_anew_as_soon_as_there_is_room(file: int, small_disk: Path) -> None:
    room = taken(file)
    ballast = fill(small_disk)
    used = written(file)
    ballast.unlink()
    room.take(os.fstat(file).st_size)
    fill(small_disk)
    assert written(file) >= used - 4096


def test_a_disk_that_had_no_room_gives_it_later(file: int, small_disk: Path) -> None:
    ballast = fill(small_disk)
    room = taken(file)
    ballast.unlink()
    room.take(os.fstat(file).st_size)
    fill(small_disk)
    assert written(file) > 50_000


def test_it_is_given_up_once_where_a_file_system_wants_other_room(file: int, small_disk: Path) -> None:
    room = taken(file)
    fill(small_disk)
    assert not room.give_up(OSError(errno.EIO, "no question of room"))
    assert free(small_disk) == 0
    assert room.give_up(OSError(errno.ENOSPC, "full"))
    assert free(small_disk) > 50_000
    assert not room.give_up(OSError(errno.ENOSPC, "full")), "nothing is left"
    assert (small_disk / KEEPER).read_bytes() == CONTENT


def test_a_file_system_that_cannot_keep_room_is_written_as_ever(tmp_path: Path) -> None:
    with mounted(tmp_path / "ramfs", "-t", "ramfs", "ramfs") as disk, (disk / KEEPER).open("ab", buffering=0) as file:
        file.write(CONTENT)
        room = taken(file.fileno())
        for end in (10**6, 2 * 10**6):
            room.leave(end)
            room.take(end)
        assert file.write(CONTENT) == len(CONTENT)
        assert not room.give_up(OSError(errno.ENOSPC, "full"))


def test_a_full_disk_gets_it_back_for_who_must_open_what_lies_there(disk: Path) -> None:
    with (disk / KEEPER).open("ab", buffering=0) as chain:
        chain.write(CONTENT)
        taken(chain.fileno())
    fill(disk)
    assert is_scarce(disk)
    make_room(disk)
    assert free(disk) > 50_000
    assert (disk / KEEPER).read_bytes() == CONTENT


def test_it_is_given_up_part_by_part_but_for_the_last(disk: Path) -> None:
    with (disk / KEEPER).open("ab", buffering=0) as chain:
        taken(chain.fileno())
    for left in (SCARCE, SCARCE, SCARCE / 2 - FLOOR, 0):
        fill(disk)
        make_room(disk)
        assert left - 65536 <= free(disk) <= left + 4096


def test_however_often_a_store_is_opened_on_a_full_disk_a_tombstone_can_be_written(disk: Path) -> None:
    EventStore.open(disk / "events.db", analysis_sha256="a").close()
    Chain(disk, None).close()
    for _ in range(8):
        fill(disk)
        with suppress(StoreError):
            EventStore.open(disk / "events.db", analysis_sha256=None).close()
    fill(disk)
    chain = Chain(disk, None)
    for number in range(20):
        chain.add("tombstone", f"media/{number}.jpg", digest="0" * 64, size=1, taken="")
    chain.sync()
    assert free(disk) == 0
    chain.close()


def test_the_last_of_it_stays_where_a_file_system_does_not_give_up_a_part(tmp_path: Path) -> None:
    image = tmp_path / "ext4"
    with image.open("wb") as empty:
        empty.truncate(64 << 20)
    if (program := shutil.which("mkfs.ext4", path="/sbin:/usr/sbin:/usr/bin")) is None:
        pytest.skip("needs mkfs.ext4")
    subprocess.run([program, "-q", "-m", "0", image], check=True)
    with mounted(tmp_path / "disk", "-o", "loop", str(image)) as disk:
        with (disk / KEEPER).open("ab", buffering=0) as chain:
            chain.write(CONTENT)
            taken(chain.fileno())
        for _ in range(6):
            fill(disk)
            make_room(disk)
        assert FLOOR <= os.stat(disk / KEEPER).st_blocks * 512 <= FLOOR + 8192
        assert (disk / KEEPER).read_bytes() == CONTENT


def test_who_holds_the_file_keeps_it(file: int, small_disk: Path) -> None:
    taken(file)
    fill(small_disk)
    fcntl.flock(file, fcntl.LOCK_EX)
    make_room(small_disk)
    assert free(small_disk) == 0


def test_a_disk_with_room_gets_nothing_back(tmp_path: Path) -> None:
    with (tmp_path / KEEPER).open("ab", buffering=0) as file:
        file.write(CONTENT)
        taken(file.fileno())
        before = os.fstat(file.fileno()).st_blocks
        make_room(tmp_path)
        assert os.fstat(file.fileno()).st_blocks == before > 1000


def test_a_folder_that_keeps_none_is_left_alone(tmp_path: Path) -> None:
    make_room(tmp_path)
    make_room(tmp_path / "nowhere")
    assert not is_scarce(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_an_event_store_is_opened_and_written_on_a_full_disk_with_what_the_chain_has_kept(disk: Path) -> None:
    store = disk / "events.db"
    EventStore.open(store, analysis_sha256="a").close()
    with (disk / KEEPER).open("ab", buffering=0) as chain:
        taken(chain.fileno())
        fill(disk)
        fcntl.flock(chain, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="is its disk full"):
            EventStore.open(store, analysis_sha256="a")
        fcntl.flock(chain, fcntl.LOCK_UN)
        EventStore.open(store, analysis_sha256="a", source_order=["gate"]).close()
    with EventStore.open(store, analysis_sha256="a") as opened:
        assert opened.source_order == ["gate"]
