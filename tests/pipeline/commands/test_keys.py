"""``bartizan keys`` from a pair on one machine to a peer allowed on another."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline.commands.keys import app
from pipeline.configuration.settings import IntegrityOptions
from pipeline.errors import UsageError
from pipeline.role_key import RoleKey
from pipeline.wire.allow_list import AllowList
from pipeline.wire.keys import Role, own_key


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_peer_made_on_one_machine_is_allowed_and_revoked_on_another(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    assert "bartizan keys allow gpu.public" in run("new", "gpu", "--role", "worker", "--keys-dir", there)
    run("new", "hub", "--role", "dispatch", "--keys-dir", here)
    run("allow", there / "gpu.public", "--keys-dir", here)
    listed = run("list", "--keys-dir", here)
    assert [line.split()[:3] for line in listed.splitlines()] == [
        ["own", "dispatch", "hub"],
        ["allowed", "worker", "gpu"],
    ]
    run("revoke", "gpu", "--keys-dir", here)
    assert AllowList(here / "allowed").peers() == []


def test_a_capture_is_bound_to_its_cameras(tmp_path: Path) -> None:
    run("new", "cam", "--role", "capture", "--keys-dir", tmp_path)
    run("allow", tmp_path / "cam.public", "--camera", "gate", "--camera", "yard", "--keys-dir", tmp_path)
    assert AllowList(tmp_path / "allowed").peers()[0].cameras == ("gate", "yard")


def test_no_command_shows_a_secret(tmp_path: Path) -> None:
    output = run("new", "cam", "--role", "capture", "--keys-dir", tmp_path) + run("list", "--keys-dir", tmp_path)
    secret = (tmp_path / "cam.secret").read_text().split('"secret":"')[1][:40]
    assert secret not in output


def test_the_dispatchers_own_key_is_nobodys_to_allow(tmp_path: Path) -> None:
    run("new", "hub", "--role", "dispatch", "--keys-dir", tmp_path)
    with pytest.raises(UsageError, match="role 'dispatch'"):
        run("allow", tmp_path / "hub.public", "--keys-dir", tmp_path)


def test_the_key_of_a_role_stays_in_its_file_and_what_is_printed_goes_into_the_yaml(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["role", "investigator", "--keys-dir", str(tmp_path)])
    assert made.exit_code == 0
    options = IntegrityOptions.model_validate(YAML(typ="safe").load(made.stdout)["integrity"])
    key = RoleKey.load(tmp_path / "investigator.identity")
    assert options.recipients == (key.recipient,)
    assert "investigator.identity" in made.stderr
    assert "SECRET" not in made.output
    listed = run("list", "--keys-dir", tmp_path)
    assert listed.split() == ["own", "originals", "investigator", key.public]


def test_the_key_of_a_role_is_no_key_of_a_link(tmp_path: Path) -> None:
    run("role", "investigator", "--keys-dir", tmp_path)
    run("new", "hub", "--role", "dispatch", "--keys-dir", tmp_path)
    assert own_key(tmp_path, Role.DISPATCH).name == "hub"
    with pytest.raises(UsageError, match="not allowed"):
        run("role", "../investigator", "--keys-dir", tmp_path)
