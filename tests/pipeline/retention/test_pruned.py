"""Events that are pruned leave tombstones, and packages and commands say what was deleted."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import cli
from pipeline.clock import ManualClock
from pipeline.configuration.kept_place import note_configuration
from pipeline.errors import StoreError, UsageError
from pipeline.file_digest import file_sha256
from pipeline.integrity.chain import Chain
from pipeline.integrity.deletion import Wish, note_deletions
from pipeline.integrity.site_key import VARIABLE, SiteKey
from pipeline.integrity.witness import Witness
from pipeline.retention.pruned import Undertaker, deletions_of
from pipeline.store.pruning import Pruning
from tests.pipeline.integrity.conftest import EVENTS, open_store
from tests.pipeline.retention.test_sweep import SMALL, end, here, swept, verified

OLD = ["--older-than", "2026-01-01"]


@pytest.fixture
def run(key: SiteKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command with the key of the site; what it said."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "site" / "site.key"))

    def invoke(*arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(cli.app, [str(each) for each in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output

    return invoke


def test_results_are_intact_after_their_events_were_pruned(out: Path, run: Callable[..., str]) -> None:
    end(out, but=3)
    files = here(out)
    assert "deleted 3 events (6 messages)" in run("events", "prune", out, *OLD)
    assert here(out) == files, "files go where that was said"
    found = verified(out)
    assert found.intact, found.findings
    assert found.deleted == 6
    assert "bartizan events prune --older-than 2026-01-01" in run("verify", out, "--deleted")


def test_the_media_of_pruned_events_goes_with_them(out: Path, run: Callable[..., str]) -> None:
    end(out, but=3)
    assert "deleted 9 files of theirs" in run("events", "prune", out, *OLD, "--media")
    kept = {f"media/{path}" for n in (3, 5) for path in (f"{n}.jpg", f"gate/{n}.mp4")}
    assert here(out) == {*kept, "recordings/gate/1.mp4"}, "one is not over, the other is the newest"
    assert {path.name for path in (out / "media" / "gate").glob("*.json")} == {"3.json", "5.json"}
    assert verified(out).intact
    assert verified(out).deleted == 6 + 9
    assert "deleted 0 events" in run("events", "prune", out, *OLD, "--media")


@pytest.mark.parametrize("step", ["between", "files"])
def test_a_prune_that_is_killed_leaves_results_intact(
    out: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    end(out)
    owner, dies = (Pruning, "_delete") if step == "between" else (Undertaker, "remove_files")
    with monkeypatch.context() as patched:
        patched.setattr(owner, dies, _killed)
        run("events", "prune", out, *OLD, "--media", code=130)
    found = verified(out)
    assert found.intact, found.findings
    assert found.left
    run("events", "prune", out, *OLD, "--media")
    assert verified(out).left == []
    assert verified(out).intact


@pytest.mark.parametrize("kept", [True, False])
def test_what_the_store_did_not_delete_keeps_its_files_and_the_chain_says_so(
    out: Path, key: SiteKey, run: Callable[..., str], tmp_path: Path, kept: bool
) -> None:
    """The transaction of a prune fails after its tombstones are on the disk."""
    end(out)
    files = here(out)
    with closing(sqlite3.connect(out / "events.db")) as database:
        database.execute("CREATE TRIGGER full BEFORE DELETE ON alarms BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(StoreError, match="no room"):
        run("events", "prune", out, *OLD, "--media")
    assert len(verified(out).left) == 8 + 12
    with open_store(out) as store, Witness(out, store, key, ManualClock(wall_ns=10**18)) as witness:
        assert here(out) == files
        assert witness.chain.gone == set()
        assert set(witness.chain.held) >= files
        assert witness.catch_up() == 0
    found = verified(out)
    assert (found.intact, found.left, found.deleted) == (True, [], 0), found.findings
    if kept:
        (out / "media" / "gate" / "3.mp4").unlink()
        assert [(each.fault, each.name) for each in verified(out).findings] == [("missing", "media/gate/3.mp4")]
        run("export", "e3", "--out", out, "-o", tmp_path / "package")
        assert json.loads((tmp_path / "package" / "package.json").read_text())["deleted"] == {}
        assert "deleted" not in run("events", "show", out, "e3")
        return
    with closing(sqlite3.connect(out / "events.db")) as database:
        database.execute("DROP TRIGGER full")
    assert "deleted 4 events (8 messages)" in run("events", "prune", out, *OLD, "--media")
    found = verified(out)
    assert (found.intact, found.left, found.deleted) == (True, [], 8 + 12), found.findings


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_dry_run_and_results_without_a_chain_need_no_key(
    out: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    end(out)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none.key"))
    assert "would delete" in run("events", "prune", out, *OLD, "--dry-run")
    with pytest.raises(UsageError, match=f"is not signed by the key .*none.key: name the file .* in {VARIABLE}"):
        run("events", "prune", out, *OLD)
    assert not (tmp_path / "none.key").exists()
    (out / "chain.jsonl").unlink()
    assert "files of theirs" in run("events", "prune", out, *OLD, "--media")


def test_the_key_that_a_configuration_names_signs(
    out: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    end(out)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "another" / "site.key"))
    monkeypatch.chdir("/")
    (tmp_path / "clip.mp4").touch()
    config = tmp_path / "config.yml"
    config.write_text(
        f"cameras: {{gate: {{source: clip.mp4}}}}\nout: {out}\nintegrity: {{key: site/site.key}}\nsinks: []\n"
    )
    assert "deleted 4 events" in run("events", "prune", config, *OLD, "--severity", "high")
    note_configuration(out, config)
    assert "deleted 0 events" in run("events", "prune", out, *OLD)
    config.write_text("cameras: {")
    with pytest.raises(UsageError, match=r"or, where integrity\.key says it, that configuration"):
        run("events", "prune", out, *OLD)
    assert verified(out).intact


def test_pruning_waits_while_a_run_adds_to_the_chain(out: Path, key: SiteKey, run: Callable[..., str]) -> None:
    end(out)
    chain = Chain(out, key)
    with pytest.raises(StoreError, match=r"chain\.jsonl: another process adds to it; try again when the run is over"):
        run("events", "prune", out, *OLD)
    chain.close()
    assert "deleted 4 events" in run("events", "prune", out, *OLD)


def test_an_event_says_that_its_clip_was_deleted(out: Path, key: SiteKey, run: Callable[..., str]) -> None:
    end(out, but=4)
    swept(out, key, SMALL)
    said = run("events", "show", out, "e3")
    assert "media/gate/3.mp4, deleted 2001-09-10T" in said
    assert "camera gate held more than 1e-09 GB (most_gb)" in said
    told = json.loads(run("events", "show", out, "e3", "--json"))["deleted"]
    assert set(told) == {"media/3.jpg", "media/gate/3.mp4"}
    assert "deleted" not in run("events", "show", out, "e4")


def test_a_package_says_what_was_deleted_and_proves_it(
    out: Path, key: SiteKey, run: Callable[..., str], tmp_path: Path
) -> None:
    end(out, but=4)
    swept(out, key, SMALL)
    folder = tmp_path / "package"
    said = run("export", "e3", "--out", out, "-o", folder, "--originals")
    assert "not in it: media/gate/3.mp4 was deleted at 2001-09-10" in said
    assert "media/gate/3.mp4 was deleted at" in (folder / "index.html").read_text()
    command = [sys.executable, "-I", "-S", str(folder / "verify.py"), key.public]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "deleted by the site: media/gate/3.mp4 at 2001-09-10" in done.stdout
    proof = (folder / "proof.jsonl").read_text()
    (folder / "proof.jsonl").write_text(proof.replace("held more", "held less"))
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 1


def test_verification_lists_what_was_deleted_only_when_asked(out: Path, key: SiteKey, run: Callable[..., str]) -> None:
    end(out)
    swept(out, key, SMALL)
    said = run("verify", out)
    assert f"{2 * EVENTS} events" in said
    assert "10 deleted as wished" in said
    assert "most_gb" not in said
    assert "deleted recordings/gate/1.mp4 at 2001-09-10T" in run("verify", out, "--deleted")
    assert "tombstones" not in json.loads(run("verify", out, "--json"))
    assert len(json.loads(run("verify", out, "--json", "--deleted"))["tombstones"]) == 10


def test_a_file_that_was_deleted_and_made_again_counts_as_deleted_nowhere(
    out: Path, key: SiteKey, run: Callable[..., str], tmp_path: Path
) -> None:
    name = "media/gate/3.mp4"
    with open_store(out) as store, Witness(out, store, key, ManualClock(wall_ns=10**18)) as witness:
        note_deletions(witness.chain, [Wish(name, 6, "for now")], "2026-01-01T00:00:00.000000Z")
        assert set(deletions_of(out, [name])) == set(), "it is there yet"
        (out / name).unlink()
        assert set(deletions_of(out, [name])) == {name}
        (out / name).write_bytes(b"made again")
        witness.chain.add("file", name, digest=file_sha256(out / name), size=10, taken="2026-01-01T00:00:01.000000Z")
    (out / name).unlink()  # by somebody
    assert [(each.fault, each.name) for each in verified(out).findings] == [("missing", name)]
    assert deletions_of(out, [name]) == {}
    run("export", "e3", "--out", out, "-o", tmp_path / "package")
    assert json.loads((tmp_path / "package" / "package.json").read_text())["deleted"] == {}
