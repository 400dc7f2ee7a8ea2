"""Roles: with some, originals are sealed; a package has them opened only for a key that opens them, and says so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.clock import ManualClock
from pipeline.errors import UsageError
from pipeline.integrity.chain import FILE, read_chain
from pipeline.integrity.entry import Entry
from pipeline.integrity.release import FILE as RELEASES
from pipeline.integrity.release import write_original
from pipeline.integrity.sealing import seal
from pipeline.integrity.site_key import VARIABLE, SiteKey
from pipeline.integrity.verification import verify
from pipeline.integrity.witness import Witness
from pipeline.retention.pruned import undertaker
from pipeline.role_key import RoleKey
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from tests.pipeline.integrity.conftest import nowhere, open_store

PLAIN = b"\xff\xd8 everybody as they were"


@pytest.fixture
def role(tmp_path: Path) -> RoleKey:
    return RoleKey.make(tmp_path / "investigator.identity", "investigator")


@pytest.fixture
def results(tmp_path: Path, key: SiteKey, role: RoleKey) -> Path:
    """Two events with snapshots: the original of the first from before there were roles, the second one sealed."""
    folder = tmp_path / "results"
    (folder / "media").mkdir(parents=True)
    (folder / "originals").mkdir(mode=0o700)
    for name, recipients in (("media/1.jpg", []), ("media/2.jpg", [role.recipient])):
        write_original(folder, name, PLAIN, recipients)
        (folder / name).write_bytes(b"hidden")
    with open_store(folder) as store:
        events = [sample_event(ordinal=n, id=f"e{n}", evidence={"snapshot": f"media/{n}.jpg"}) for n in (1, 2)]
        store.commit("gate", events, Position(b"", 1, 1), nowhere)
        with Witness(folder, store, key, ManualClock(wall_ns=10**18)) as seeing:
            assert seeing.catch_up() == 6
    return folder


def export(results: Path, package: Path, *options: str | Path) -> Result:
    arguments = ["export", "--out", str(results), "-o", str(package), "--originals", *map(str, options)]
    return CliRunner().invoke(app, arguments, env={VARIABLE: str(results.parent / "site" / "site.key")})


def notes(results: Path) -> list[tuple[str, str, str]]:
    found = [entry for entry in read_chain(results / FILE) if isinstance(entry, Entry)]
    return [(each.kind, each.name, each.note) for each in found if each.kind in ("release", "refusal")]


def check(package: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, package / "verify.py"], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def is_intact(results: Path) -> bool:
    with open_store(results) as store:
        return verify(results, store).intact


def test_with_roles_nothing_of_an_original_lies_on_the_disk_in_the_clear(results: Path) -> None:
    assert sorted(path.name for path in (results / "originals").iterdir()) == ["1.jpg", "2.jpg.age"]
    assert PLAIN not in (results / "originals" / "2.jpg.age").read_bytes()
    assert {path.stat().st_mode & 0o777 for path in (results / "originals").iterdir()} == {0o600}
    assert is_intact(results)


def test_an_original_in_the_clear_that_a_killed_process_left_goes_when_it_is_sealed(
    results: Path, role: RoleKey
) -> None:
    write_original(results, "media/3.jpg", PLAIN, [])
    write_original(results, "media/3.jpg", PLAIN, [role.recipient])
    assert [path.name for path in (results / "originals").glob("3*")] == ["3.jpg.age"]


def test_the_key_of_a_role_opens_originals_into_the_package_and_the_chain_says_which(
    results: Path, tmp_path: Path, role: RoleKey
) -> None:
    package = tmp_path / "package"
    done = export(results, package, "e1", "e2", "--role-key", tmp_path / "investigator.identity")
    assert done.exit_code == 0, done.output
    assert "2 originals handed out" in done.output
    assert (package / "e1" / "originals" / "1.jpg").read_bytes() == PLAIN
    assert (package / "e2" / "originals" / "2.jpg").read_bytes() == PLAIN
    assert 'href="e2/originals/2.jpg"' in (package / "index.html").read_text()
    plain, opened = notes(results)
    assert (plain[:2], opened[:2]) == (("release", "originals/1.jpg"), ("release", "originals/2.jpg.age"))
    assert role.public not in plain[2]
    assert opened[2].endswith(f"to {package}, opened with {role.public}")
    assert is_intact(results)
    assert check(package)[0] == 0


def test_a_picture_that_was_opened_and_then_altered_is_found_without_any_key(
    results: Path, tmp_path: Path, role: RoleKey
) -> None:
    package = tmp_path / "package"
    export(results, package, "e2", "--role-key", tmp_path / "investigator.identity")
    (package / "e2" / "originals" / "2.jpg").write_bytes(PLAIN + b"!")
    code, said = check(package)
    assert code == 1
    assert "altered: e2/originals/2.jpg is not what is sealed in e2/originals/2.jpg.age" in said
    forged = seal(PLAIN + b"!", [role.recipient])
    (package / "e2" / "originals" / "2.jpg.age").write_bytes(forged)
    assert "altered: e2/originals/2.jpg.age" in check(package)[1]


def test_without_a_key_they_go_sealed_and_whoever_opens_them_later_keeps_the_package_intact(
    results: Path, tmp_path: Path
) -> None:
    package = tmp_path / "package"
    done = export(results, package, "e2")
    assert done.exit_code == 0, done.output
    assert "1 originals handed out sealed" in done.output
    assert all(PLAIN not in path.read_bytes() for path in package.rglob("*") if path.is_file())
    assert notes(results)[0][2].endswith(f"to {package}, sealed")
    assert check(package)[0] == 0
    (package / "e2" / "originals" / "2.jpg").write_bytes(PLAIN)
    assert check(package)[0] == 0
    (package / "e2" / "originals" / "3.jpg").write_bytes(PLAIN)
    assert "inserted: e2/originals/3.jpg" in check(package)[1]


def test_a_key_that_opens_none_gets_nothing_and_the_chain_says_that_it_was_tried(results: Path, tmp_path: Path) -> None:
    other = RoleKey.make(tmp_path / "other.identity", "other")
    done = export(results, tmp_path / "package", "e1", "e2", "--role-key", tmp_path / "other.identity")
    assert isinstance(done.exception, UsageError)
    assert "opens none of the 1 sealed originals: originals/2.jpg.age is sealed for others" in str(done.exception)
    assert not (tmp_path / "package").exists()
    [(kind, name, note)] = notes(results)
    assert (kind, name) == ("refusal", "originals/2.jpg.age")
    assert note.endswith(f"with {other.public}, which does not open it")
    assert is_intact(results)
    export(results, tmp_path / "package", "e1")
    assert [kind for kind, _, _ in notes(results)] == ["refusal", "release"]


def test_what_a_key_does_not_open_beside_what_it_opens_goes_sealed(results: Path, tmp_path: Path, key: SiteKey) -> None:
    RoleKey.make(tmp_path / "later.identity", "later")
    later = RoleKey.load(tmp_path / "later.identity")
    write_original(results, "media/3.jpg", PLAIN, [later.recipient])
    (results / "media" / "3.jpg").write_bytes(b"hidden")
    with open_store(results) as store:
        event = sample_event(ordinal=3, id="e3", evidence={"snapshot": "media/3.jpg"})
        store.commit("gate", [event], Position(b"", 2, 2), nowhere)
        with Witness(results, store, key, ManualClock(wall_ns=10**18)) as seeing:
            seeing.catch_up()
    package = tmp_path / "package"
    done = export(results, package, "e2", "e3", "--role-key", tmp_path / "later.identity")
    assert done.exit_code == 0, done.output
    assert "not opened: originals/2.jpg.age is sealed for others than this key" in done.output
    assert [path.name for path in sorted(package.rglob("originals/*"))] == ["2.jpg.age", "3.jpg", "3.jpg.age"]
    assert [note.rpartition(", ")[2] for _, _, note in notes(results)] == ["sealed", f"opened with {later.public}"]
    assert check(package)[0] == 0


@pytest.mark.parametrize("length", [40, 200, -1])
def test_an_original_that_was_cut_off_is_said_to_be_and_nothing_else_is_lost(
    results: Path, tmp_path: Path, role: RoleKey, length: int
) -> None:
    path = results / "originals" / "2.jpg.age"
    path.write_bytes(path.read_bytes()[:length])
    assert not is_intact(results)
    done = export(results, tmp_path / "package", "e2", "--role-key", tmp_path / "investigator.identity")
    if length > 0:
        assert isinstance(done.exception, UsageError)
        assert "is damaged" in str(done.exception)
        assert not (tmp_path / "package").exists()
    else:
        assert "not opened: originals/2.jpg.age is damaged: it was cut off or altered" in done.output
        assert not (tmp_path / "package" / "e2" / "originals" / "2.jpg").exists()
        assert "altered: e2/originals/2.jpg.age" in check(tmp_path / "package")[1]


def test_a_key_without_the_wish_for_originals_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    arguments = ["export", "e1", "--out", str(tmp_path), "--role-key", "none"]
    assert "say --originals, too" in str(CliRunner().invoke(app, arguments).exception)


def test_a_file_of_lines_from_before_there_were_roles_is_read_on(results: Path) -> None:
    old = {"name": "originals/1.jpg", "by": "somebody", "to": "there", "at": "2026-11-21T00:00:00Z"}
    (results / RELEASES).write_text(json.dumps(old) + "\n")
    key = SiteKey.load(results.parent / "site" / "site.key")
    with open_store(results) as store, Witness(results, store, key, ManualClock()) as seeing:
        assert seeing.catch_up() == 1
    assert notes(results) == [("release", "originals/1.jpg", "by somebody, to there")]


def test_pruned_events_take_their_sealed_originals_along(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(results.parent / "site" / "site.key"))
    with open_store(results) as store, undertaker(results, store, ManualClock(), why="old", with_media=True) as taking:
        taking.tell(list(store.events("commit")))
        assert taking.remove_files()[0] == 4
    assert list((results / "originals").iterdir()) == []
