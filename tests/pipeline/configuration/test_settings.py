"""Options of the machine that depend on one another."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.configuration.loading import load
from pipeline.configuration.settings import (
    DispatchOptions,
    IntegrityOptions,
    LinkOptions,
    StoreOptions,
    SupervisorOptions,
)
from pipeline.errors import UsageError
from pipeline.redaction import redact


@pytest.mark.parametrize(
    "values",
    [
        {"endpoint": "ipc"},
        {"endpoint": "tcp://127.0.0.1:5555"},
        {"endpoint": "tcp://[::1]:5555"},
        {"endpoint": "tcp://localhost:5555"},
        {"endpoint": "tcp://192.0.2.1:5555", "insecure": True},
        {"endpoint": "tcp://192.0.2.1:5555", "keys_dir": "keys"},
    ],
)
def test_safe_links_are_accepted(values: dict[str, Any]) -> None:
    LinkOptions.model_validate(values)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"endpoint": "tcp://192.0.2.1:5555"}, "is not encrypted"),
        ({"endpoint": "tcp://0.0.0.0:5555"}, "is not encrypted"),
        ({"endpoint": "tcp://127.evil.example:5555"}, "is not encrypted"),
        ({"endpoint": "udp://127.0.0.1:1"}, "pattern"),
    ],
)
def test_unsafe_links_are_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        LinkOptions.model_validate(values)


def test_slots_kept_for_snapshots_leave_room_for_frames() -> None:
    with pytest.raises(ValidationError, match=r"hold \(16\) must be less than slots \(16\)"):
        DispatchOptions(slots=16, hold=16)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pass%40word@db.example.org:5433/events?sslmode=verify-full",
        "postgres:///events",
        "postgresql+psycopg://db/events",
    ],
)
def test_a_server_of_postgresql_is_accepted(url: str) -> None:
    found = StoreOptions.model_validate({"url": url, "name": "north_gate"}).url
    assert found is not None
    assert found.get_secret_value() == url


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"url": "mysql://me:hunter22@db/events"}, "must be postgresql://HOST"),
        ({"url": "postgresql://me:hunter22@db"}, "must be postgresql://HOST"),
        ({"url": "sqlite:///hunter22.db"}, "SQLite needs no url"),
        ({"url": "postgresql://me:hunter22/x@db/events"}, "is no URL; .* %2F for /"),
        ({"name": "north"}, "give its url, too"),
        ({"url": "postgresql://db/events", "name": "North Gate"}, "pattern"),
        ({"url": "postgresql://db/events", "name": 'x"; DROP SCHEMA public; --'}, "pattern"),
        ({"wait_s": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_no_server_of_postgresql_is_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        StoreOptions.model_validate(values)
    assert "hunter22" not in str(caught.value)


def test_the_password_of_the_store_is_told_to_nobody() -> None:
    config = default_config(["0"], overrides=["store.url=postgresql://me:secret-of-the-store@db/events"], live=True)
    assert "secret-of-the-store" not in repr(config)
    assert redact("store postgresql://me:secret-of-the-store@db/events") == "store ***"
    again = PipelineConfig.from_spec(config.to_spec()).store.url
    assert again is not None
    assert again.get_secret_value().endswith("me:secret-of-the-store@db/events")
    with pytest.raises(UsageError) as caught:
        default_config(["0"], overrides=["store.url=mysql://me:secret-of-the-store@db/events"], live=True)
    assert "secret-of-the-store" not in str(caught.value)


def test_backoff_grows() -> None:
    with pytest.raises(ValidationError, match="backoff_max_s"):
        SupervisorOptions(backoff_first_s=10, backoff_max_s=1)


ROLE = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def test_roles_are_public_keys_and_without_any_nothing_is_sealed() -> None:
    assert IntegrityOptions().recipients == ()
    assert [len(each) for each in IntegrityOptions(roles={"investigator": ROLE}).recipients] == [32]


@pytest.mark.parametrize(
    ("roles", "problem"),
    [
        ({"a": ROLE, "b": ROLE.upper()}, "a and b have the same key"),
        ({"a": ROLE[:-1]}, "is no public key of a role"),
        ({"a b": ROLE}, "match pattern"),
        ({"a": 7}, "valid string"),
        ({f"a{n}": ROLE for n in range(17)}, "at most 16"),
    ],
)
def test_roles_that_would_seal_for_nobody_or_twice_are_refused(roles: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        IntegrityOptions.model_validate({"roles": roles})


def test_a_private_key_in_the_configuration_is_named_by_its_place_and_not_shown(tmp_path: Path) -> None:
    private = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
    path = tmp_path / "x.yml"
    path.write_text(f"cameras: {{gate: {{source: usb:0}}}}\nintegrity:\n  roles:\n    one: {private}\n    two: age1x\n")
    with pytest.raises(UsageError) as caught:
        load(str(path), environment={})
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{path}:4:10: integrity.roles.one: is the private key of a role")
    assert second.startswith(f"{path}:5:10: integrity.roles.two: is no public key of a role")
    assert private[20:40] not in str(caught.value)
