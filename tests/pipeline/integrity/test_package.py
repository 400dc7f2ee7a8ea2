"""A package of evidence, checked by the script that lies in it, in a Python that knows nothing of Bartizan."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.clock import ManualClock
from pipeline.errors import UsageError
from pipeline.integrity.check_package import is_signed
from pipeline.integrity.package import Packed, pack
from pipeline.integrity.site_key import SiteKey
from pipeline.integrity.witness import Witness
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from tests.pipeline.integrity.conftest import nowhere, open_store
from tests.pipeline.integrity.test_verification import in_store


@pytest.fixture
def folder(out: Path, tmp_path: Path) -> Path:
    """The package of two events, one of which has a note in place of its snapshot."""
    return packed(out, tmp_path / "package", "e2", "e3").folder


def packed(out: Path, folder: Path, *events: str) -> Packed:
    with open_store(out) as store:
        return pack(out, store, events, folder)


def checked(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-I", "-S", str(folder / "verify.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_an_untouched_package_is_intact_and_the_sites(folder: Path, key: SiteKey) -> None:
    assert checked(folder) == (0, f"intact: 6 items, signed by {key.public}\n")
    assert checked(folder, key.public)[0] == 0
    code, said = checked(folder, "00" * 32)
    assert code == 1
    assert "the site is" in said


def first_byte(path: Path) -> None:
    path.write_bytes(b"X" + path.read_bytes()[1:])


def another_digest(folder: Path) -> None:
    lines = (folder / "proof.jsonl").read_text().splitlines()
    entry = json.loads(lines[0])
    lines[0] = json.dumps({**entry, "sha256": "0" * 64})
    (folder / "proof.jsonl").write_text("\n".join(lines) + "\n")


TAMPERING: dict[str, tuple[Callable[[Path], object], str]] = {
    "a picture": (lambda folder: first_byte(folder / "e3" / "3.jpg"), "altered: e3/3.jpg"),
    "what is said of a clip": (lambda folder: first_byte(folder / "e2" / "2.json"), "altered: e2/2.json"),
    "a message": (lambda folder: first_byte(folder / "e3" / "messages.jsonl"), "altered: e3/messages.jsonl, message"),
    "a file less": (lambda folder: (folder / "e3" / "3.jpg").unlink(), "missing: e3/3.jpg"),
    "a file more": (lambda folder: (folder / "e3" / "9.jpg").write_bytes(b"x"), "inserted: e3/9.jpg"),
    "the proof": (another_digest, "altered: entry"),
    "no proof": (lambda folder: (folder / "proof.jsonl").write_text(""), "inserted: e2/messages.jsonl, message"),
    "no package": (lambda folder: (folder / "package.json").write_text("{"), "this is no package of evidence"),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_what_was_done_to_a_package_is_named(folder: Path, name: str) -> None:
    tamper, said = TAMPERING[name]
    tamper(folder)
    code, text = checked(folder)
    assert code == 1
    assert said in text


def test_the_page_shows_what_is_in_the_package(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    assert 'src="e3/3.jpg"' in page
    assert "Its clip is not in the package" in page, "it is no video"
    assert "http" not in page.replace("http-equiv", ""), "it needs no network"


def test_which_event_is_meant_must_be_clear(out: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are 5, such as e1 and e2"):
        packed(out, tmp_path / "p", "e")
    with pytest.raises(UsageError, match="event 'x': there is none"):
        packed(out, tmp_path / "p", "x")
    assert not (tmp_path / "p").exists()


def test_what_was_deleted_is_said_to_be_absent(out: Path, tmp_path: Path) -> None:
    (out / "media" / "3.jpg").unlink()
    made = packed(out, tmp_path / "p", "e3")
    assert made.absent == ["media/3.jpg"]
    assert checked(made.folder)[0] == 0


def test_pictures_of_every_message_are_in_it_not_only_those_of_the_last(
    out: Path, tmp_path: Path, key: SiteKey
) -> None:
    """Of a live camera an update names a best picture, too."""
    kinds = {"best": ".jpg", "crop": ".crop.jpg"}
    with open_store(out) as store:
        for n, name in enumerate(("u1", "u2", "z"), 2):
            evidence = {kind: f"media/{name}{suffix}" for kind, suffix in kinds.items()}
            event = sample_event(id="e3", ordinal=20 + n, message_id=name, type="update", evidence=evidence)
            store.commit("gate", [event], Position(b"", n, n), nowhere)
            if name != "u2":
                for path in evidence.values():
                    (out / path).write_bytes(path.encode())
        with Witness(out, store, key, ManualClock(wall_ns=10**18)) as witness:
            witness.catch_up()
    made = packed(out, tmp_path / "p", "e3")
    there = {path.name for path in (made.folder / "e3").iterdir()}
    assert there == {"messages.jsonl", "3.jpg", "3.json", "u1.jpg", "u1.crop.jpg", "z.jpg", "z.crop.jpg"}
    assert made.absent == ["media/u2.jpg", "media/u2.crop.jpg"]
    page = (made.folder / "index.html").read_text()
    assert '<img src="e3/z.jpg"' in page
    assert '<a href="e3/u1.jpg">best picture before that</a>' in page
    assert checked(made.folder)[0] == 0


def test_signatures_are_checked_as_a_library_does() -> None:
    """Ed25519 in the script against OpenSSL's, with a thousand bits turned round."""
    chance = random.Random(7)
    for _ in range(12):
        secret, message = Ed25519PrivateKey.generate(), chance.randbytes(32)
        public, signature = secret.public_key().public_bytes_raw(), secret.sign(message)
        assert is_signed(public, message, signature)
        for _ in range(6):
            data = bytearray(public + message + signature)
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            assert not is_signed(bytes(data[:32]), bytes(data[32:64]), bytes(data[64:]))


def test_a_message_that_was_altered_hinders_no_package_of_other_events(out: Path, tmp_path: Path) -> None:
    in_store(out, "UPDATE events SET body = substr(body, 2) WHERE number = 4")
    assert checked(packed(out, tmp_path / "package", "e3").folder)[0] == 0
