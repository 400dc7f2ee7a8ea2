"""The whole pipeline over tcp with CURVE: who has no key gets nothing and is reported."""

import shutil
from pathlib import Path

import pytest
import zmq

from pipeline.codec import encode
from pipeline.messages import ReaderHello
from pipeline.wire.doorkeeper import secure_client
from pipeline.wire.keys import Role, make_key, read_public
from tests.e2e.conftest import Start
from tests.e2e.faulty import DETECTOR
from tests.e2e.running import bartizan, process_command
from tests.servers.process import free_port

CLIP = "synthetic:320x240@10?frames=100&boxes=2&recording=yes"


@pytest.fixture(scope="module")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of keys for one machine, made as the documentation says."""
    folder = tmp_path_factory.mktemp("keys")
    for name, role in (("hub", "dispatch"), ("cam", "capture"), ("gpu", "worker"), ("desk", "follower")):
        bartizan("keys", "new", name, "--role", role, cwd=folder)
        if role != "dispatch":
            bartizan("keys", "allow", f"keys/{name}.public", cwd=folder)
    return folder / "keys"


@pytest.fixture
def keys(made_keys: Path, tmp_path: Path) -> Path:
    """A copy of one's own."""
    return Path(shutil.copytree(made_keys, tmp_path / "keys"))


@pytest.mark.slow
def test_an_encrypted_run_gives_the_same_events_and_turns_strangers_away(
    start: Start, keys: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    detector = ["--set", f"stages.detect.kind={DETECTOR}", "--set", f"stages.detect.gate={gate}"]
    plain = start(process_command(CLIP, tmp_path / "plain", *detector), tmp_path / "plain")
    assert plain.wait() == 0, plain.said()
    gate.touch()  # strangers come while it runs
    patient = ["--set", "stages.dispatch.lease_s=100", "--set", "supervisor.liveness_s=100"]
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    links = ["--set", f"links.endpoint={endpoint}", "--set", f"links.keys_dir={keys}"]
    run = start(process_command(CLIP, tmp_path / "out", *links, *detector, *patient), tmp_path / "out")
    stranger = make_key(tmp_path / "stranger", "stranger", Role.FOLLOWER)
    context = zmq.Context()
    unknown, keyless = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
    try:
        secure_client(unknown, stranger, read_public(keys / "hub.public").public)
        for socket in (unknown, keyless):
            socket.set(zmq.LINGER, 0)
            socket.connect(endpoint)
            socket.send(encode(ReaderHello("stranger")), zmq.NOBLOCK)
        run.wait_for(lambda: "unknown key" in run.said() and "no key" in run.said(), "the refusals to be reported")
        assert not unknown.poll(200)
        assert not keyless.poll(0)
    finally:
        context.destroy(linger=0)
    gate.unlink()
    assert run.wait() == 0, run.said()
    assert run.report()["balanced"]
    assert (run.out / "events.jsonl").read_bytes() == (plain.out / "events.jsonl").read_bytes()


@pytest.mark.slow
def test_a_worker_without_an_allowed_key_stops_and_says_so(start: Start, keys: Path, tmp_path: Path) -> None:
    bartizan("keys", "revoke", "gpu", cwd=tmp_path)
    links = ["--set", f"links.endpoint=tcp://127.0.0.1:{free_port()}", "--set", f"links.keys_dir={keys}"]
    run = start(process_command(CLIP, tmp_path / "out", *links), tmp_path / "out")
    assert run.wait() == 3
    assert "refuses the key gpu" in run.said()


def test_plain_tcp_off_loopback_is_refused(start: Start, tmp_path: Path) -> None:
    command = process_command(CLIP, tmp_path / "out", "--set", "links.endpoint=tcp://192.0.2.1:5555")
    run = start(command, tmp_path / "out")
    assert run.wait() == 2
    assert "not encrypted" in run.output.read_text()
