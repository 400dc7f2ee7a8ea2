"""Options of the machine that depend on one another."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.configuration.settings import DispatchOptions, LinkOptions, SupervisorOptions


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


def test_backoff_grows() -> None:
    with pytest.raises(ValidationError, match="backoff_max_s"):
        SupervisorOptions(backoff_first_s=10, backoff_max_s=1)
