"""Whatever is done to evidence, verification names it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pipeline.clock import ManualClock
from pipeline.errors import StoreError, UsageError
from pipeline.integrity.chain import FILE, Chain
from pipeline.integrity.site_key import SiteKey
from pipeline.integrity.verification import Verified, verify
from pipeline.integrity.witness import Witness
from tests.pipeline.integrity.conftest import EVENTS, open_store


def verified(out: Path, key: str = "") -> Verified:
    with open_store(out) as store:
        return verify(out, store, key=key)


def test_what_nobody_touched_is_intact(out: Path, key: SiteKey) -> None:
    found = verified(out, key.public)
    assert found.intact, found.findings
    assert (found.events, found.files, found.entries) == (EVENTS, 3 * EVENTS + 1, 4 * EVENTS + 2)
    assert found.key == key.public


def first_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(bytes(data))


def in_store(out: Path, statement: str) -> None:
    engine = create_engine(f"sqlite:///{out / 'events.db'}")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def lines(out: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = out / FILE
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def reworded(line: bytes) -> bytes:
    entry = json.loads(line)
    return json.dumps({**entry, "sha256": "0" * 64}).encode() + b"\n"


TAMPERING: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a picture altered": (lambda out: first_bit(out / "media" / "3.jpg"), "altered", "media/3.jpg"),
    "a picture removed": (lambda out: (out / "media" / "3.jpg").unlink(), "missing", "media/3.jpg"),
    "a picture inserted": (lambda out: (out / "media" / "9.jpg").write_bytes(b"x"), "inserted", "media/9.jpg"),
    "a clip altered": (lambda out: first_bit(out / "media/gate/1.mp4"), "altered", "media/gate/1.mp4"),
    "a segment removed": (lambda out: (out / "recordings/gate/1.mp4").unlink(), "missing", "recordings/gate/1.mp4"),
    "an event altered": (
        lambda out: in_store(out, "UPDATE events SET body = replace(body, 'high', 'low') WHERE number = 2"),
        "altered",
        "event sample-gate-2",
    ),
    "an event altered until it is none": (
        lambda out: in_store(
            out, 'UPDATE events SET body = replace(body, \'"media_time":\', \'"media_time":"soon",\') WHERE number = 2'
        ),
        "altered",
        "event sample-gate-2",
    ),
    "an event removed": (
        lambda out: in_store(out, "DELETE FROM events WHERE number = 4"),
        "missing",
        "event sample-gate-4",
    ),
    "a line removed": (lambda out: lines(out, lambda all_: all_[:4] + all_[5:]), "chain", f"{FILE} line 6"),
    "a line altered": (
        lambda out: lines(out, lambda all_: [*all_[:4], reworded(all_[4]), *all_[5:]]),
        "chain",
        f"{FILE} line 5",
    ),
    "a line that is none": (lambda out: lines(out, lambda all_: [*all_[:4], b"{}\n", *all_[4:]]), "chain", FILE),
    "two lines exchanged": (
        lambda out: lines(out, lambda all_: [*all_[:4], all_[5], all_[4], *all_[6:]]),
        "chain",
        f"{FILE} line 6",
    ),
    "the end cut off": (lambda out: lines(out, lambda all_: all_[:-1]), "inserted", "recordings/gate/1.mp4"),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_what_was_altered_removed_or_inserted_is_named(out: Path, name: str) -> None:
    tamper, fault, item = TAMPERING[name]
    tamper(out)
    found = verified(out)
    assert not found.intact
    assert (fault, item) in [(each.fault, each.name) for each in found.findings]


def test_a_chain_that_somebody_else_made_is_not_the_sites(out: Path, key: SiteKey, tmp_path: Path) -> None:
    other = SiteKey.load(tmp_path / "other.key")
    (out / FILE).unlink()
    with open_store(out) as store:
        witness = Witness(out, store, other, ManualClock())
        witness.catch_up()
        witness.close()
    assert verified(out).intact, "it is whole in itself"
    assert any("not by" in each.about for each in verified(out, key.public).findings)


def test_a_chain_goes_on_where_a_killed_process_left_it(out: Path, key: SiteKey) -> None:
    torn = (out / FILE).read_bytes()[:-20]
    (out / FILE).write_bytes(torn)
    with open_store(out) as store:
        witness = Witness(out, store, key, ManualClock())
        assert witness.catch_up() == 1, "the item whose line was torn"
        witness.close()
    assert verified(out).intact


def test_one_process_at_a_time_adds_to_a_chain(out: Path, key: SiteKey) -> None:
    chain = Chain(out, key)
    with pytest.raises(StoreError, match="another process"):
        Chain(out, key)
    chain.close()
    Chain(out, key).close()


def test_what_its_owner_deleted_is_not_missing(out: Path, key: SiteKey) -> None:
    (out / "media" / "3.jpg").unlink()
    chain = Chain(out, key)
    chain.add("tombstone", "media/3.jpg", digest="", size=0, taken="", note="older than 30 days")
    chain.close()
    found = verified(out)
    assert found.intact
    assert found.deleted == 1


def test_results_without_a_chain_are_refused(tmp_path: Path) -> None:
    with open_store(tmp_path) as store, pytest.raises(UsageError, match="has no chain"):
        verify(tmp_path, store)
