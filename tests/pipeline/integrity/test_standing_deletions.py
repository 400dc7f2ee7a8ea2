"""A deletion stands until it is taken back, or until what was deleted is there again."""

import pytest

from pipeline.integrity.entry import FIRST, Entry, Kind
from pipeline.integrity.standing_deletions import follow


def entry(n: int, kind: Kind, name: str = "media/1.jpg") -> Entry:
    return Entry(n=n, prev=FIRST, kind=kind, name=name, sha256="", size=1, taken="2026-01-01T00:00:00.000000Z")


def standing(*kinds: Kind) -> list[str]:
    deleted: dict[str, int] = {}
    for n, kind in enumerate(kinds):
        follow(deleted, entry(n, kind), n)
    return [f"{name} by entry {n}" for name, n in deleted.items()]


@pytest.mark.parametrize(
    ("kinds", "stands"),
    [
        (["file", "tombstone"], ["media/1.jpg by entry 1"]),
        (["file", "tombstone", "stayed"], []),
        (["file", "tombstone", "file"], []),
        (["file", "tombstone", "stayed", "tombstone"], ["media/1.jpg by entry 3"]),
        (["event", "tombstone", "event", "release", "refusal", "site"], ["media/1.jpg by entry 1"]),
        (["file"], []),
        (["stayed"], []),
    ],
)
def test_the_last_word_on_a_thing_counts(kinds: list[Kind], stands: list[str]) -> None:
    assert standing(*kinds) == stands


def test_what_is_said_of_one_thing_changes_nothing_of_others() -> None:
    deleted: dict[str, None] = {}
    for each in (entry(1, "tombstone", "a"), entry(2, "tombstone", "b"), entry(3, "stayed", "a")):
        follow(deleted, each, None)
    assert list(deleted) == ["b"]
