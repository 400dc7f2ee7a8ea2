"""Originals: in the chain, in no package unless that was asked for, and never handed out without a line about it."""

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.clock import ManualClock
from pipeline.integrity.chain import FILE, read_chain
from pipeline.integrity.entry import Entry
from pipeline.integrity.handover import Handover
from pipeline.integrity.package import pack
from pipeline.integrity.release import FILE as RELEASES
from pipeline.integrity.release import Release, note_releases, noted_releases
from pipeline.integrity.site_key import VARIABLE, SiteKey
from pipeline.integrity.verification import verify
from pipeline.integrity.witness import Witness
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from tests.pipeline.integrity.conftest import nowhere, open_store


@pytest.fixture
def results(tmp_path: Path, key: SiteKey) -> Path:
    """One event with a snapshot and its original, taken note of."""
    folder = tmp_path / "results"
    (folder / "media").mkdir(parents=True)
    (folder / "originals").mkdir(mode=0o700)
    (folder / "media" / "1.jpg").write_bytes(b"hidden")
    (folder / "originals" / "1.jpg").write_bytes(b"as it was")
    with open_store(folder) as store:
        event = sample_event(id="e1", evidence={"snapshot": "media/1.jpg"})
        store.commit("gate", [event], Position(b"", 1, 1), nowhere)
        with Witness(folder, store, key, ManualClock(wall_ns=10**18)) as seeing:
            assert seeing.catch_up() == 3
    return folder


def export(results: Path, package: Path, *options: str, key: Path) -> str:
    arguments = ["export", "e1", "--out", str(results), "-o", str(package), *options]
    done = CliRunner().invoke(app, arguments, env={VARIABLE: str(key)})
    assert done.exit_code == 0, done.output
    return done.output


def entries(results: Path) -> list[Entry]:
    return [entry for entry in read_chain(results / FILE) if isinstance(entry, Entry)]


def faults(results: Path) -> list[tuple[str, str]]:
    with open_store(results) as store:
        return [(found.fault, found.name) for found in verify(results, store).findings]


def test_an_original_that_was_altered_or_slipped_in_is_found(results: Path) -> None:
    assert faults(results) == []
    (results / "originals" / "1.jpg").write_bytes(b"as it Was")
    (results / "originals" / "2.jpg").write_bytes(b"new")
    assert faults(results) == [("altered", "originals/1.jpg"), ("inserted", "originals/2.jpg")]


def test_a_package_has_no_original_unless_it_is_asked_for(results: Path, tmp_path: Path, key: SiteKey) -> None:
    export(results, tmp_path / "package", key=tmp_path / "site" / "site.key")
    found = [path for path in (tmp_path / "package").rglob("*") if path.is_file()]
    assert (tmp_path / "package" / "e1" / "1.jpg") in found
    assert all(b"as it was" not in path.read_bytes() for path in found)
    assert not (results / RELEASES).exists()


def test_an_original_that_is_handed_out_is_in_the_chain_as_such(results: Path, tmp_path: Path, key: SiteKey) -> None:
    said = export(results, tmp_path / "package", "--originals", key=tmp_path / "site" / "site.key")
    assert "1 originals handed out" in said
    assert (tmp_path / "package" / "e1" / "originals" / "1.jpg").read_bytes() == b"as it was"
    assert "originals/1.jpg" in (tmp_path / "package" / "index.html").read_text()
    last = entries(results)[-1]
    assert (last.kind, last.name) == ("release", "originals/1.jpg")
    assert str(tmp_path / "package") in last.note
    assert faults(results) == []
    export(results, tmp_path / "again", "--originals", key=tmp_path / "site" / "site.key")
    assert [entry.kind for entry in entries(results)].count("release") == 2


def test_what_is_handed_out_while_a_run_goes_on_is_entered_by_the_run(
    results: Path, tmp_path: Path, key: SiteKey
) -> None:
    with open_store(results) as store, Witness(results, store, key, ManualClock()) as seeing:
        said = export(results, tmp_path / "package", "--originals", key=tmp_path / "site" / "site.key")
        assert "another process" in said
        assert seeing.catch_up() == 1
        assert seeing.catch_up() == 0
    assert entries(results)[-1].kind == "release"


def test_a_site_with_another_key_leaves_the_chain_alone(results: Path, tmp_path: Path) -> None:
    said = export(results, tmp_path / "package", "--originals", key=tmp_path / "other.key")
    assert "another key" in said
    assert entries(results)[-1].kind == "file"
    assert [release.name for release, _ in noted_releases(results)] == ["originals/1.jpg"]


def test_nothing_is_handed_out_that_could_not_be_written_down(results: Path, tmp_path: Path) -> None:
    class Refusing(Handover):
        def note(self, names: Sequence[str]) -> None:
            raise PermissionError("no")

    handover = Refusing(results, by="somebody", to="there", at="2026-11-21T00:00:00Z")
    with open_store(results) as store, pytest.raises(PermissionError):
        pack(results, store, ["e1"], tmp_path / "package", handover=handover)
    assert not (tmp_path / "package").exists()


def test_the_list_of_releases_is_its_owners_and_survives_a_torn_line(results: Path) -> None:
    wanted = Release("originals/1.jpg", "somebody", "there", "2026-11-21T00:00:00Z")
    note_releases(results, [wanted])
    path = results / RELEASES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(path.read_bytes() + b'{"name":"origin')
    assert [release for release, _ in noted_releases(results)] == [wanted]
    note_releases(results, [wanted])
    assert [release for release, _ in noted_releases(results)] == [wanted, wanted]
