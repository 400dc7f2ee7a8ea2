"""Fetching from a server that misbehaves, and what is kept of it."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from pipeline.errors import BartizanError, CannotStart, UsageError
from pipeline.models import find
from pipeline.models.download import Download
from pipeline.models.entry import Entry
from pipeline.models.registry import changing
from pipeline.models.store import add, pull, register, remove
from tests.pipeline.models.rude_server import RudeServer, cut, serving, silent, status, trickling, unannounced, whole

HEADER = b'{"w":{"dtype":"U8","shape":[299929],"data_offsets":[0,299929]}}'
CONTENT = len(HEADER).to_bytes(8, "little") + HEADER + np.random.default_rng(1).bytes(299_929)
OTHER = CONTENT[:-1] + b"?"


@pytest.fixture
def server() -> Iterator[RudeServer]:
    with serving() as running:
        yield running


def entry(*urls: str, content: bytes = CONTENT, size: int = len(CONTENT), pinned: bool = True) -> Entry:
    sha256 = hashlib.sha256(content).hexdigest() if pinned else ""
    return Entry("site", "MIT", "detect", urls=urls, sha256=sha256, bytes=size)


def fetch(models: Path, wanted: Entry, *, trust_first: bool = False, timeout_s: float = 5.0) -> tuple[Path, list[str]]:
    lines: list[str] = []
    with changing(models) as known:
        known[wanted.name] = wanted
    path = pull(wanted, Download(timeout_s=timeout_s, size=wanted.bytes, tell=lines.append), trust_first=trust_first)
    return path, lines


def refused(models: Path, wanted: Entry, kind: type[BartizanError] = CannotStart, **how: float) -> str:
    with pytest.raises(kind) as error:
        fetch(models, wanted, **how)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert not (models / "site.bin").exists()
    return str(error.value)


def test_what_matches_its_digest_is_stored_and_found(models: Path, server: RudeServer) -> None:
    path, _ = fetch(models, entry(server.url("/site.bin", whole(CONTENT))))
    assert path.read_bytes() == CONTENT
    assert find("site") == path
    assert sorted(child.name for child in models.iterdir() if "part" in child.name) == []


def test_a_transfer_that_breaks_off_goes_on_where_it_was(models: Path, server: RudeServer) -> None:
    url = server.url("/site.bin", cut(CONTENT, 100_000), cut(CONTENT, 100_000), whole(CONTENT))
    path, lines = fetch(models, entry(url))
    assert path.read_bytes() == CONTENT
    assert server.asked == ["/site.bin", "/site.bin bytes=100000-", "/site.bin bytes=200000-"]
    assert lines == [
        "cut off after 100000 bytes, going on from there",
        "cut off after 200000 bytes, going on from there",
    ]


def test_a_later_command_goes_on_where_an_earlier_one_gave_up(models: Path, server: RudeServer) -> None:
    wanted = entry(server.url("/site.bin", cut(CONTENT, 70_000), status(503)))
    assert "503 Service Unavailable" in refused(models, wanted)
    server.url("/site.bin", whole(CONTENT))
    fetch(models, wanted)
    assert server.asked[-1] == "/site.bin bytes=70000-"


def test_a_server_without_ranges_starts_again(models: Path, server: RudeServer) -> None:
    url = server.url("/site.bin", cut(CONTENT, 100_000), whole(CONTENT, ranges=False))
    assert fetch(models, entry(url))[0].read_bytes() == CONTENT


def test_a_server_that_always_hangs_up_is_given_up(models: Path, server: RudeServer) -> None:
    message = refused(models, entry(server.url("/site.bin", cut(CONTENT, 0))))
    assert "cut off after 0 bytes" in message
    assert len(server.asked) <= 2


def test_other_bytes_are_refused_with_both_digests_and_nothing_is_kept(models: Path, server: RudeServer) -> None:
    wanted = entry(server.url("/site.bin", whole(OTHER)))
    message = refused(models, wanted)
    assert wanted.sha256 in message
    assert hashlib.sha256(OTHER).hexdigest() in message
    assert not (models / ".site.bin.part").exists()


def test_remains_of_another_file_do_not_stand_in_the_way(models: Path, server: RudeServer) -> None:
    models.mkdir()
    for remains in (OTHER[-1:] * 5_000, b"?" * len(CONTENT), b"?" * (len(CONTENT) + 9)):
        (models / ".site.bin.part").write_bytes(remains)
        path, _ = fetch(models, entry(server.url("/site.bin", whole(CONTENT))))
        assert path.read_bytes() == CONTENT


def test_a_part_that_is_whole_already_needs_no_server(models: Path, server: RudeServer) -> None:
    models.mkdir()
    (models / ".site.bin.part").write_bytes(CONTENT)
    assert fetch(models, entry(server.url("/site.bin", status(500))))[0].read_bytes() == CONTENT
    assert server.asked == []


@pytest.mark.parametrize("answer", [whole, unannounced])
@pytest.mark.parametrize("content", [CONTENT[:-100], CONTENT + b"more"])
def test_a_file_of_another_size_is_another_file(models: Path, server: RudeServer, answer: type, content: bytes) -> None:
    message = refused(models, entry(server.url("/site.bin", answer(content))))
    assert "the model has 300000: this is another file; nothing is kept" in message
    assert not (models / ".site.bin.part").exists()


@pytest.mark.parametrize(("code", "reason"), [(404, "404 Not Found"), (500, "500 Internal"), (403, "403 Forbidden")])
def test_an_error_of_the_server_is_one_line(models: Path, server: RudeServer, code: int, reason: str) -> None:
    assert reason in refused(models, entry(server.url("/site.bin", status(code))))


def test_the_next_address_is_tried(models: Path, server: RudeServer) -> None:
    dead = server.url("/dead.bin", status(500))
    path, lines = fetch(models, entry(dead, server.url("/site.bin", whole(CONTENT))))
    assert path.read_bytes() == CONTENT
    assert lines == [f"{dead}: 500 Internal Server Error; trying the next address"]


def test_a_server_that_falls_silent_is_not_waited_for(models: Path, server: RudeServer) -> None:
    message = refused(models, entry(server.url("/site.bin", silent(CONTENT, 0))), timeout_s=0.2)
    assert "no answer in time" in message


def test_a_slow_server_is(models: Path, server: RudeServer) -> None:
    assert fetch(models, entry(server.url("/site.bin", trickling(CONTENT, 20))), timeout_s=2)[0].exists()


def test_a_redirect_to_another_host_is_told_and_followed(models: Path, server: RudeServer) -> None:
    target = server.url("/elsewhere.bin", whole(CONTENT)).replace("127.0.0.1", "localhost")
    path, lines = fetch(models, entry(server.url("/site.bin", status(302, Location=target))))
    assert path.read_bytes() == CONTENT
    assert lines == ["redirected to http://localhost"]


def test_a_redirect_to_an_unencrypted_host_is_not_followed(models: Path, server: RudeServer) -> None:
    url = server.url("/site.bin", status(302, Location="http://models.example/site.bin"))
    assert "not encrypted, so not fetched" in refused(models, entry(url), UsageError)


def test_redirects_in_a_circle_end(models: Path, server: RudeServer) -> None:
    assert "redirected more than 5 times" in refused(
        models, entry(server.url("/a.bin", status(302, Location="/a.bin")))
    )


def test_http_to_another_machine_is_refused_before_anything_is_sent(models: Path) -> None:
    assert "take https, or say --insecure" in refused(models, entry("http://models.example/site.bin"), UsageError)


def test_nobody_listening_is_one_line(models: Path) -> None:
    assert "refused" in refused(models, entry("http://127.0.0.1:1/site.bin"))


def safetensors() -> bytes:
    header = b'{"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}'
    return len(header).to_bytes(8, "little") + header + b"abc"


def test_trust_on_first_use_pins_what_arrives(models: Path, server: RudeServer) -> None:
    content = safetensors()
    wanted = entry(server.url("/site.safetensors", whole(content)), size=0, pinned=False)
    assert "to pin what arrives now, say --trust-first" in refused(models, wanted, UsageError)
    path, _ = fetch(models, wanted, trust_first=True)
    assert find("site") == path
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(CannotStart, match="altered"):
        find("site")


def test_trust_on_first_use_does_not_extend_to_foreign_code(models: Path, server: RudeServer) -> None:
    content = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."
    wanted = entry(server.url("/site.pt", whole(b"\x80\x02." * 3 + content + b"\x80\x02].")), size=0, pinned=False)
    message = refused(models, wanted, UsageError, trust_first=True)
    assert "foreign code" in message or "damaged" in message
    assert [child for child in models.iterdir() if child.suffix in (".pt", ".part")] == []


def test_a_digest_does_not_make_foreign_code_welcome(models: Path, server: RudeServer) -> None:
    content = b"\x80\x02K\x01." * 3 + b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R." + b"\x80\x02]."
    wanted = entry(server.url("/site.pt", whole(content)), content=content, size=len(content))
    message = refused(models, wanted, UsageError)
    assert message.startswith("site.pt: refused, loading it would run foreign code: posix.system; ")
    assert message.endswith("; nothing is kept")
    assert [child for child in models.iterdir() if child.suffix in (".pt", ".part")] == []


def test_a_name_that_ships_does_not_make_it_welcome_under_another_digest(models: Path, server: RudeServer) -> None:
    content = b"\x80\x02K\x01." * 3 + b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R." + b"\x80\x02]."
    wanted = replace(
        entry(server.url("/y.pt", whole(content)), content=content, size=len(content)), name="yolo26n", file="y.pt"
    )
    assert "foreign code: posix.system" in refused(models, wanted, UsageError)
    assert not (models / "y.pt").exists()


def test_a_full_disk_is_one_line(small_disk: Path, monkeypatch: pytest.MonkeyPatch, server: RudeServer) -> None:
    monkeypatch.setenv("BARTIZAN_MODELS", str(small_disk))
    (small_disk / "filler").write_bytes(bytes(900_000))
    message = refused(small_disk, entry(server.url("/site.bin", whole(CONTENT))))
    assert "300000 bytes more are needed, and the disk has room for" in message


def test_a_write_that_fails_in_the_middle_is_one_line(models: Path, server: RudeServer) -> None:
    """A limit on the size of files fails the same way as a disk that filled up meanwhile."""
    url = server.url("/site.bin", whole(CONTENT))
    program = (
        "import resource, sys; from pathlib import Path; from pipeline.models.download import Download\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))\n"
        "Download().fetch(sys.argv[1], Path(sys.argv[2]), resume=False)"
    )
    models.mkdir()
    command = [sys.executable, "-c", program, url, str(models / "part")]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.stderr.splitlines()[-1].endswith("CannotStart: " + f"{models}: cannot be written: File too large")


def test_two_pulls_of_one_model_do_not_mix(models: Path, server: RudeServer) -> None:
    import fcntl

    wanted = entry(server.url("/site.bin", whole(CONTENT)))
    models.mkdir()
    with (models / ".site.bin.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "being pulled by another process" in refused(models, wanted)


def test_a_file_that_is_added_is_copied_and_pinned(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "w.safetensors"
    source.write_bytes(safetensors())
    added = add(Entry("mine", "own", "classify", file="unknown"), source)
    source.unlink()
    assert find("mine") == added.path
    with pytest.raises(UsageError, match="named mine already"):
        register(Entry("mine", "own", "classify", urls=("https://models.example/w.pt",)))
    remove(added.entry)
    assert not added.path.exists()
    with pytest.raises(CannotStart, match="no model is named 'mine'"):
        find("mine")


def test_a_name_that_ships_stands_for_one_file_only(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "w.safetensors"
    source.write_bytes(safetensors())
    with pytest.raises(UsageError, match=r"ships with Bartizan, and .* is not that file"):
        add(Entry("yolo26n", "own", "detect", file="unknown"), source)
