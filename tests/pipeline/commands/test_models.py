"""``bartizan models`` as its users meet it."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.commands.models import app
from pipeline.errors import UsageError
from pipeline.models import find, is_name
from pipeline.models.inspection import inspect
from tests.pipeline.models.rude_server import RudeServer, serving, whole

HEADER = b'{"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}'
TENSORS = len(HEADER).to_bytes(8, "little") + HEADER + b"abc"
OWN = ("--licence", "own", "--task", "classify")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BARTIZAN_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def server() -> Iterator[RudeServer]:
    with serving() as running:
        yield running


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "site.safetensors"
    path.write_bytes(TENSORS)
    return path


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def run(*words: str | Path) -> str:
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: str | Path) -> str:
    result = call(*words)
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


def test_a_file_gets_a_name_is_listed_verified_and_removed(weights: Path, models: Path) -> None:
    assert "pinned" in run("add", "site", weights, *OWN, "--description", "our gate")
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))}
    assert (rows["site"]["state"], rows["site"]["bytes"]) == ("here", len(TENSORS))
    assert rows["yolo26n"]["state"] == "not here"
    assert "our gate" in run("list")
    assert "ok       site" in run("verify", "site")
    assert "is site" in run("verify", weights)
    run("remove", "site")
    assert not is_name("site")
    assert [path.name for path in models.iterdir() if path.suffix == ".safetensors"] == []


def test_an_altered_model_fails_verification(weights: Path) -> None:
    run("add", "site", weights, *OWN)
    find("site").write_bytes(TENSORS[:-1] + b"?")
    result = call("verify")
    assert result.exit_code == 1
    assert "site was altered" in result.stderr
    assert "not here yolo26n" in result.stdout


def test_verifying_by_name_what_is_not_here_fails() -> None:
    result = call("verify", "yolo26n")
    assert result.exit_code == 1
    assert "bartizan models pull yolo26n" in result.stderr


def test_a_url_is_only_fetched_by_pull_which_says_what_it_does(server: RudeServer) -> None:
    url = server.url("/site.safetensors", whole(TENSORS))
    assert "pull site --trust-first" in run("add", "site", url, *OWN)
    assert server.asked == []
    assert "--trust-first" in refused("pull", "site", "--yes")
    assert "nobody can be asked here" in refused("pull", "site", "--trust-first")
    assert server.asked == []
    output = run("pull", "site", "--trust-first", "--yes")
    for said in (f"from     {url}", "licence  own", "not pinned: whatever arrives", "pinned from now on"):
        assert said in output
    assert find("site").read_bytes() == TENSORS
    assert "is here already" in run("pull", "site", "--yes")
    assert len(server.asked) == 1


def test_a_stated_digest_is_demanded(weights: Path) -> None:
    assert "wanted is 000" in refused("add", "site", weights, *OWN, "--sha256", "0" * 64)
    assert not is_name("site")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "site", "w.safetensors"), "--licence and --task are wanted"),
        (("add", "Not A Name", "https://models.example/w.onnx", *OWN), "cannot be added: .*name"),
        (("add", "site", "https://me:secret@models.example/w.onnx", *OWN), "must not hold a password"),
        (("add", "site", "none.pt", *OWN), "none.pt: cannot be read"),
        (("add", "site", "w.pt", *OWN, "--convert", "gif"), "allowed are onnx, safetensors"),
    ],
)
def test_what_cannot_be_added_gives_one_line(words: tuple[str, ...], message: str) -> None:
    text = refused(*words)
    assert re.search(message, text)
    assert "\n" not in text


def malicious(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("best/data.pkl", b"\x80\x02cposix\nsystem\nX\x0b\x00\x00\x00touch pwned\x85R.")
    return path


@pytest.mark.parametrize("convert", [(), ("--convert", "onnx")])
def test_a_malicious_pickle_is_refused_and_never_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, convert: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "foreign code: posix.system" in refused("add", "evil", malicious(tmp_path / "evil.pt"), *OWN, *convert)
    result = call("verify", tmp_path / "evil.pt")
    assert result.exit_code == 1
    assert "posix.system" in result.stderr
    assert not list(tmp_path.rglob("pwned"))


def test_a_malicious_pickle_that_is_here_already_fails_verification_though_its_digest_fits(
    tmp_path: Path, models: Path
) -> None:
    evil = malicious(tmp_path / "evil.pt")
    sha256 = hashlib.sha256(evil.read_bytes()).hexdigest()
    run("add", "evil", "https://models.example/evil.pt", *OWN, "--sha256", sha256)
    evil.rename(models / "evil.pt")
    for words in (("verify",), ("verify", "evil")):
        result = call(*words)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith("model evil: ")
        assert "foreign code: posix.system" in line
        assert line.endswith("then: bartizan models remove evil")
    assert "foreign code: posix.system" in refused("pull", "evil", "--yes")


@pytest.mark.slow
def test_the_conversion_itself_does_not_run_it_either(tmp_path: Path) -> None:
    """Past the inspection: as if a way had been found to hide a name from it."""
    source = str(malicious(tmp_path / "evil.pt"))
    command = [sys.executable, "-I", "-m", "lab.conversion", source, "safetensors", "out"]
    environment = os.environ | {"BARTIZAN_CACHE": str(tmp_path)}
    outcome = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert "not an ultralytics checkpoint that can be trusted" in outcome.stderr or "Weights only" in outcome.stderr
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.slow
def test_a_checkpoint_is_converted_into_tensors_in_a_process_of_its_own(tmp_path: Path) -> None:
    import torch
    from safetensors.numpy import load_file

    torch.save({"state_dict": {"w": torch.arange(6.0)}, "epoch": 3}, tmp_path / "best.pt")
    run("add", "site", tmp_path / "best.pt", *OWN, "--convert", "safetensors")
    assert inspect(find("site")).format == "safetensors"
    assert load_file(find("site"))["w"].tolist() == [0, 1, 2, 3, 4, 5]
