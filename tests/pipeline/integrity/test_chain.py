"""On a full disk the chain still says what was deleted, and everything else waits."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.integrity.chain import FILE, Chain, read_chain
from pipeline.integrity.entry import Entry, Kind
from pipeline.integrity.site_key import SiteKey
from tests.full_disk import fill
from tests.mounting import mounted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Of one MiB."""
    with mounted(tmp_path / "small_disk", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs") as folder:
        yield folder


def add(chain: Chain, kind: Kind, name: str) -> None:
    chain.add(kind, name, digest="0" * 64, size=7, taken="2026-11-22T04:00:00Z")


def names(out: Path) -> list[str]:
    """Of all entries but that of the site; each of them is one."""
    found = [each for each in read_chain(out / FILE) if isinstance(each, Entry)]
    assert [each.n for each in found] == list(range(1, len(found) + 1))
    assert all(each.digest == each.hash for each in found)
    return [each.name for each in found if each.kind != "site"]


def test_on_a_full_disk_tombstones_are_written_and_what_is_new_waits(small_disk: Path, key: SiteKey) -> None:
    chain = Chain(small_disk, key)
    add(chain, "file", "media/1.jpg")
    chain.sync()
    fill(small_disk)
    with suppress(OSError):
        for n in range(1000):  # some pages are kept beyond what must be
            add(chain, "file", f"media/new{n}.jpg")
    written = len(chain.names)
    assert written < 200
    for n in range(100):
        add(chain, "tombstone", f"media/{n}.jpg")
    chain.sync()
    with pytest.raises(OSError, match="No space left"):
        add(chain, "event", "e1")
    chain.close()
    assert len(names(small_disk)) == written + 100


def test_what_waited_is_written_as_soon_as_there_is_room(small_disk: Path, key: SiteKey) -> None:
    chain = Chain(small_disk, key)
    ballast = fill(small_disk)
    for n in range(60):
        add(chain, "tombstone", f"media/{n}.jpg")
    with pytest.raises(OSError, match="No space left"):
        add(chain, "file", "media/new.jpg")
    ballast.unlink()
    add(chain, "file", "media/new.jpg")
    chain.close()
    assert names(small_disk)[-1] == "media/new.jpg"


def test_the_next_process_has_the_room_and_loses_it_only_to_a_torn_line(small_disk: Path, key: SiteKey) -> None:
    Chain(small_disk, key).close()
    fill(small_disk)
    for count in range(2):
        chain = Chain(small_disk, key)
        for n in range(20):
            add(chain, "tombstone", f"media/{count}-{n}.jpg")
        chain.close()
    with (small_disk / FILE).open("ab") as file:
        file.write(b'{"n":')
    chain = Chain(small_disk, key)
    add(chain, "tombstone", "media/last.jpg")
    chain.close()
    assert len(names(small_disk)) == 41


def test_a_chain_that_another_process_adds_to_is_left_as_it_is(small_disk: Path, key: SiteKey) -> None:
    chain = Chain(small_disk, key)
    held = (small_disk / FILE).stat().st_blocks
    with pytest.raises(StoreError, match="another process adds to it"):
        Chain(small_disk, key)
    assert (small_disk / FILE).stat().st_blocks == held
    chain.close()
