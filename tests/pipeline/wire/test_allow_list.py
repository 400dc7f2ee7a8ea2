"""A peer may do what its key was allowed for, and nothing else."""

import os
from pathlib import Path
from typing import get_args

import pytest

from pipeline.errors import MessageError, UsageError
from pipeline.messages import (
    CaptureHello,
    Crop,
    Cut,
    EndOfStream,
    Failed,
    Frame,
    Offer,
    Refused,
    Release,
    Skip,
    Slot,
    Status,
    Synced,
    Wake,
    Welcome,
    Wire,
    Work,
    WorkerHello,
)
from pipeline.wire.allow_list import MAY_SEND, AllowList, Peer, allow, authorise, revoke
from pipeline.wire.keys import Role

GATE = Peer("gate-cam", Role.CAPTURE, "a" * 40, ("gate",))
GPU = Peer("gpu-box", Role.WORKER, "#" + "b" * 39)
SLOT = Slot("/r", 0, 2, (1, 1, 3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "allowed"
    allow(path, GATE)
    allow(path, GPU)
    return path


def test_peers_are_known_by_their_key(path: Path) -> None:
    peers = AllowList(path)
    assert peers.peer(GATE.public) == GATE
    assert peers.peer(GPU.public) == GPU
    assert peers.peer("c" * 40) is None
    assert peers.peers() == [GATE, GPU]


def test_comments_survive_changes(path: Path) -> None:
    path.write_text("# our peers\n\n" + path.read_text())
    revoke(path, "gate-cam")
    assert path.read_text() == f"# our peers\n\nworker gpu-box {GPU.public}\n"


def test_a_change_takes_effect_without_a_restart(path: Path) -> None:
    peers = AllowList(path)
    revoke(path, "gpu-box")
    assert peers.peer(GPU.public) is None
    allow(path, Peer("other", Role.WORKER, GPU.public))
    found = peers.peer(GPU.public)
    assert found is not None
    assert found.name == "other"


def test_a_change_that_cannot_be_read_leaves_the_list_as_it_was(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    peers = AllowList(path)
    path.write_text("nonsense\n")
    assert peers.peer(GPU.public) == GPU
    os.unlink(path)
    assert peers.peer(GPU.public) == GPU
    assert "allow-list stays as it was" in caplog.text
    assert "allowed:1" in caplog.text


@pytest.mark.parametrize(
    "line", ["worker", "worker gpu", "king gpu " + "c" * 40, "dispatch hub " + "c" * 40, "worker gpu short"]
)
def test_a_bad_line_is_refused_with_its_place(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UsageError, match=r"allowed:3: "):
        AllowList(path)


def test_one_key_or_name_is_allowed_once(path: Path) -> None:
    with pytest.raises(UsageError, match="worker gpu-box is allowed already"):
        allow(path, Peer("again", Role.WORKER, GPU.public))
    with pytest.raises(UsageError, match="worker gpu-box is allowed already"):
        allow(path, Peer("gpu-box", Role.WORKER, "d" * 40))
    path.write_text(path.read_text() + f"capture spy {GPU.public}\n")
    with pytest.raises(UsageError, match="gpu-box's already"):
        AllowList(path)


def test_revoking_somebody_unknown_says_who_is_known(path: Path) -> None:
    with pytest.raises(UsageError, match=r"'nobody' is not allowed.*gate-cam, gpu-box"):
        revoke(path, "nobody")


def test_a_missing_list_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bartizan keys allow"):
        AllowList(tmp_path / "allowed")


def test_a_worker_cannot_pose_as_a_camera() -> None:
    authorise(GPU, WorkerHello("w", "detect", "cpu", 1))
    with pytest.raises(MessageError, match="worker gpu-box may not send CaptureHello"):
        authorise(GPU, CaptureHello("gate", "1", True))


def test_a_camera_speaks_for_itself_only() -> None:
    authorise(GATE, CaptureHello("gate", "1", True))
    yard = Frame("yard", 0, 0, 0)
    for message in (
        CaptureHello("yard", "1", True),
        Offer("1", yard, SLOT),
        Skip("1", yard, Status.STATIC),
        EndOfStream("yard", "1", 0, "eof"),
    ):
        with pytest.raises(MessageError, match="may not speak for camera 'yard'"):
            authorise(GATE, message)
    authorise(Peer("any", Role.CAPTURE, "e" * 40), CaptureHello("yard", "1", True))
    with pytest.raises(MessageError, match="may not send Failed"):
        authorise(GATE, Failed("w", "l", "e"))


def test_every_message_belongs_to_one_role_or_to_the_dispatcher() -> None:
    by_dispatch = {Welcome, Synced, Release, Work, Refused, Wake, Cut, Crop}
    by_peers = [kind for kinds in MAY_SEND.values() for kind in kinds]
    assert len(by_peers) == len(set(by_peers))
    assert by_dispatch | set(by_peers) == set(get_args(Wire))
    assert not by_dispatch & set(by_peers)
