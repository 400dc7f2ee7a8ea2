"""Secrets stay secret, and a link that would not be encrypted is refused."""

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.wire.keys import (
    KeyPair,
    PublicKey,
    Role,
    check_endpoint,
    make_key,
    own_key,
    read_public,
    read_secret,
    server_key,
)


def test_a_key_pair_comes_back_from_its_files(tmp_path: Path) -> None:
    pair = make_key(tmp_path / "keys", "gpu-box", Role.WORKER)
    assert read_secret(tmp_path / "keys" / "gpu-box.secret") == pair
    assert read_public(tmp_path / "keys" / "gpu-box.public") == PublicKey("gpu-box", Role.WORKER, pair.public)


def test_the_secret_is_in_one_private_file_and_in_no_text(tmp_path: Path) -> None:
    pair = make_key(tmp_path / "keys", "gpu-box", Role.WORKER)
    secret = tmp_path / "keys" / "gpu-box.secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert pair.secret not in repr(pair)
    assert pair.secret not in (tmp_path / "keys" / "gpu-box.public").read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620])
def test_a_secret_that_others_can_reach_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    make_key(tmp_path, "gpu-box", Role.WORKER)
    path = tmp_path / "gpu-box.secret"
    path.chmod(mode)
    with pytest.raises(UsageError, match=f"mode 0{mode:o}.*chmod 600"):
        read_secret(path)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    pair = make_key(tmp_path, "gpu-box", Role.WORKER)
    with pytest.raises(UsageError, match="there already"):
        make_key(tmp_path, "gpu-box", Role.WORKER)
    assert own_key(tmp_path, Role.WORKER) == pair


@pytest.mark.parametrize("name", ["", "../x", "a b", ".hidden", "x" * 65])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not allowed"):
        make_key(tmp_path, name, Role.WORKER)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{}", "[]", "\xff", '{"name":"a","role":"king","public":"x"}'])
def test_a_damaged_key_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gpu-box.secret"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError, match=r"gpu-box\.secret: not a key file"):
        read_secret(path)


def test_each_side_finds_its_keys_by_role(tmp_path: Path) -> None:
    hub = make_key(tmp_path, "hub", Role.DISPATCH)
    worker = make_key(tmp_path, "gpu-box", Role.WORKER)
    assert own_key(tmp_path, Role.WORKER) == worker
    assert server_key(tmp_path).public == hub.public
    with pytest.raises(UsageError, match="role capture is wanted, found: none"):
        own_key(tmp_path, Role.CAPTURE)
    make_key(tmp_path, "second", Role.WORKER)
    with pytest.raises(UsageError, match="found: gpu-box, second"):
        own_key(tmp_path, Role.WORKER)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(UsageError, match="40 characters"):
        PublicKey("a", Role.WORKER, "short")
    with pytest.raises(UsageError, match="secret key of a"):
        KeyPair("a", Role.WORKER, "x" * 40, "short")


@pytest.mark.parametrize(
    "endpoint",
    ["ipc:///run/x/dispatch", "tcp://127.0.0.1:5555", "tcp://127.1.2.3:5555", "tcp://[::1]:5555", "tcp://localhost:1"],
)
def test_links_within_the_machine_need_no_keys(endpoint: str) -> None:
    check_endpoint(endpoint, has_keys=False)


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://10.0.0.7:5555", "tcp://[::]:5555", "tcp://eth0:5", "tcp://hub.lan:5"],
)
def test_plain_tcp_off_loopback_takes_keys_or_the_word_insecure(endpoint: str) -> None:
    with pytest.raises(UsageError, match=r"would not be encrypted.*insecure: true"):
        check_endpoint(endpoint, has_keys=False)
    check_endpoint(endpoint, has_keys=True)
    check_endpoint(endpoint, has_keys=False, insecure=True)


@pytest.mark.parametrize("endpoint", ["udp://1.2.3.4:5", "http://x", "tcp://", "tcp://5555", "ipc://", "", "ws://a:1"])
def test_what_is_no_endpoint_is_refused_whatever_the_keys(endpoint: str) -> None:
    with pytest.raises(UsageError, match="is not allowed"):
        check_endpoint(endpoint, has_keys=True, insecure=True)
