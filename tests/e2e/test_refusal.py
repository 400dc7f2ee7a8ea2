"""Whatever strangers send to dispatch is refused and counted, kills nothing, and changes no event."""

import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zmq

from pipeline.codec import MAGIC, MAX_MESSAGE_BYTES, encode
from pipeline.messages import (
    SCHEMA,
    Candidates,
    CaptureHello,
    CaptureSync,
    Cut,
    CutDone,
    EndOfStream,
    Failed,
    Frame,
    Keep,
    Offer,
    Passed,
    Refused,
    Release,
    Result,
    Skip,
    Slot,
    Status,
    StreamState,
    Synced,
    Wake,
    Welcome,
    Wire,
    Work,
    WorkerHello,
)
from pipeline.observability.status_file import read_status
from tests.e2e.conftest import Start
from tests.e2e.faulty import DETECTOR, SOURCE, write_clip
from tests.e2e.running import PATIENCE_S, Running

FRAMES = 40
FLOOD = 2000
"""Messages that are each refused with words of their own."""
FRAME = Frame("stranger", 0, 0, 0, width=1, height=1)
SLOT = Slot("/dev/shm/bartizan-none/ring", 0, 2, (1, 1, 3))
HELLO = encode(CaptureHello("clip", "i", live=False))

JUNK: dict[str, list[bytes]] = {
    "nothing": [b""],
    "two empty parts": [b"", b""],
    "random bytes": [os.urandom(400)],
    "text": [b"GET / HTTP/1.1\r\n\r\n"],
    "a pickle": [b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94."],
    "a prefix alone": [MAGIC + struct.pack(">H", SCHEMA)],
    "half a prefix": [MAGIC + b"\0"],
    "another schema": [MAGIC + struct.pack(">H", SCHEMA + 1) + HELLO[4:]],
    "a truncated message": [HELLO[:-3]],
    "a message and more": [HELLO + b"\0"],
    "two parts": [HELLO, HELLO],
    "deep nesting": [HELLO[:4] + b"\x91" * 100_000],
    "a promise of four billion items": [HELLO[:4] + b"\xdd\xff\xff\xff\xff"],
    "another type": [HELLO[:4] + b"\x81\xa4type\xa6Secret"],
    "a type of a million letters": [HELLO[:4] + msgspec.msgpack.encode({"type": "x" * 1_000_000})],
    "a type of control characters": [HELLO[:4] + msgspec.msgpack.encode({"type": "\r\n\x1b[2J"})],
    "the largest allowed": [HELLO[:4] + os.urandom(MAX_MESSAGE_BYTES - 4)],
}
IMPOSTURES: list[Wire] = [
    CaptureHello("stranger", "i", live=True),
    CaptureHello("\x1b" * 1_500_000, "i", live=True),
    Offer("i", FRAME, SLOT),
    Offer("i", Frame("clip", 0, 0, 0), SLOT),
    Offer("i", Frame("clip", -5, -5, -5), SLOT),
    Skip("i", Frame("clip", 0, 2**62, 2**62), Status.STATIC),
    CaptureSync("clip", "i", [1, 2, 3], [1], 10**9),
    CaptureSync("stranger", "i", [], [], 0),
    EndOfStream("clip", "i", -1, "eof"),
    EndOfStream("stranger", "i", -1, "eof"),
    StreamState("clip", "i", online=False, media_ns=0, wall_ns=None, reason="gone"),
    WorkerHello("stranger", "detect", "another engine", 1000),
    WorkerHello("stranger", "detect", "\x1b" * 1_500_000, 1),
    Result("stranger", "e/1", b"", 0),
    Result("detect[0]", "e/1", b"\xff\xff", 0),
    Failed("stranger", "e/1", "it was me"),
    Passed("stranger", 0),
    Keep("stranger", 0, "m"),
    Candidates("stranger", [0]),
    Candidates("clip", list(range(10_000))),
    CutDone("stranger", 0, "m"),
    CutDone("clip", 10**6, "m"),
    Welcome("clip", "i", "e", 0, 0, 0, 0, 0, ended=True),
    Synced("clip", "i", "e", 0, [], [], ended=True),
    Release("clip", "i", [0], 60),
    Work("e/1", FRAME, SLOT),
    Refused("go away"),
    Wake("clip", 0),
    Cut("clip", 0, "m", SLOT),
]
"""Well-formed, from whoever is not entitled to them."""


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder of this test's own for run directories, short enough for ipc."""
    with tempfile.TemporaryDirectory(prefix="bz-", dir="/tmp") as folder:
        yield Path(folder)


def command(folder: Path) -> list[str]:
    """A recording run that does not get to its end while there is a file `gate`."""
    clip = write_clip(folder / "clip.pattern", frames=FRAMES)
    values = [f"cameras.clip.backend={SOURCE}", f"stages.detect.kind={DETECTOR}"]
    values += [f"stages.detect.gate={folder / 'gate'}"]
    values += ["stages.dispatch.lease_s=100", "supervisor.liveness_s=100"]
    options = [word for value in values for word in ("--set", value)]
    return ["process", str(clip), "--out", str(folder / "out"), *options]


def connect(context: "zmq.Context[zmq.Socket[bytes]]", sockets: Path) -> "zmq.Socket[bytes]":
    """A stranger's connection to the dispatcher of the run that lives in this folder."""
    (found,) = sockets.glob("bartizan-*/dispatch")
    stranger = context.socket(zmq.DEALER)
    stranger.set(zmq.SNDTIMEO, round(PATIENCE_S * 1000))
    stranger.connect(f"ipc://{found}")
    return stranger


def refused(run: Running) -> int:
    """How many messages the run has refused so far."""
    return sum(read_status(run.out).refused.values())


def test_what_strangers_send_is_refused_and_counted_and_changes_nothing(
    start: Start, sockets: Path, tmp_path: Path
) -> None:
    calm = tmp_path / "calm"
    calm.mkdir()
    undisturbed = start(command(calm), calm / "out")
    gate = tmp_path / "gate"
    gate.touch()
    run = start(command(tmp_path), tmp_path / "out", env={"XDG_RUNTIME_DIR": str(sockets)})
    run.wait_frames("clip", 2)
    pids = {label: child.pid for label, child in run.children().items()}
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        stranger = connect(context, sockets)
        for parts in JUNK.values():
            stranger.send_multipart(parts)
        for message in IMPOSTURES:
            stranger.send(encode(message))
        for number in range(FLOOD):
            stranger.send(HELLO[:4] + bytes(number))
        oversized = connect(context, sockets)
        oversized.send(HELLO[:4] + bytes(MAX_MESSAGE_BYTES + 2**20))
        run.wait_for(lambda: refused(run) >= len(JUNK) + FLOOD, "the refusals to be counted")
    finally:
        context.destroy(linger=0)
    assert {label: child.pid for label, child in run.children().items()} == pids
    gate.unlink()
    assert run.wait() == 0, run.said()
    report = run.report()
    assert report["balanced"], report["imbalances"]
    assert report["restarts"] == []
    assert undisturbed.wait() == 0, undisturbed.said()
    assert run.events()
    assert (run.out / "events.jsonl").read_bytes() == (undisturbed.out / "events.jsonl").read_bytes()
    assert run.said().count("refused a message") < 200
    assert "\x1b" not in run.said()
    assert f"schema {SCHEMA + 1}, this process speaks schema {SCHEMA}" in run.said()
    assert sum(report["refused"].values()) >= len(JUNK) + FLOOD
    assert max(map(len, report["refused"])) < 300
