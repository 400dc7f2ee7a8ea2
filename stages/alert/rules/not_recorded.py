"""``not_recorded``: the video of a camera is not being kept, because the disk is full or the stream cannot be had."""

from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from stages.alert.options import RuleOptions, Severity
from stages.alert.rule import Claim, NoMemory
from stages.alert.scene import Scene

RECORDING = "recording"
"""What the log calls the state of the recording, which is the reason why there is none, or empty."""

_ITSELF = -1
"""The subject: what keeps the camera from being recorded."""


class NotRecordedOptions(RuleOptions):
    """Options of ``not_recorded``."""

    rule: Literal["not_recorded"] = "not_recorded"
    severity: Severity = Field(default="critical", description="How much it matters.")
    enter_inertia_s: float = Field(
        default=0.0, ge=0, le=3600, description="It must be so this long before an event starts."
    )
    update_s: float = Field(
        default=0.0, ge=0, le=86400, description="An open event sends an update this often; 0: never."
    )
    rearm_s: float = Field(
        default=60.0, ge=0, le=86400, description="No new event for this long (media time) after one ended."
    )

    @property
    def of_objects(self) -> bool:
        """It is about the recording."""
        return False


class State(msgspec.Struct, frozen=True):
    """What the recorder says of itself."""

    reason: str = ""
    """Why nothing is kept; empty: it is."""


class NotRecorded:
    """Fires while the recorder says that it keeps nothing."""

    Options: ClassVar[type[NotRecordedOptions]] = NotRecordedOptions
    Memory: ClassVar[type[NoMemory]] = NoMemory
    momentary: ClassVar[bool] = False

    def __init__(self, options: NotRecordedOptions) -> None:
        self.options = options

    def look(self, scene: Scene, _memory: dict[int, NoMemory]) -> list[Claim]:
        """One claim about the whole camera, or none."""
        reason = reason_of(scene.followed.get(RECORDING, b""))
        if not reason:
            return []
        return [Claim(_ITSELF, "is_recorded", False, False, facts={"reason": reason}, comparison="==")]

    def stream(self, *, online: bool, reason: str, memory: dict[int, NoMemory]) -> list[Claim]:
        """Nothing: that a camera is away is told by ``camera_health``."""
        return []

    def name(self, subject: int) -> str:
        """What is gone when its event ends."""
        return "what kept the camera from being recorded"

    def describe(self, _who: str, claim: Claim) -> str:
        """``the camera is not being recorded: less than 1000 MB of the disk are free``."""
        return f"the camera is not being recorded: {claim.facts['reason']}"

    def region(self) -> dict[str, Any]:
        """None."""
        return {}


def reason_of(said: bytes) -> str:
    """Why nothing is kept, by what the recorder said; empty: it is kept, or nobody said anything."""
    try:
        return msgspec.json.decode(said, type=State).reason if said else ""
    except msgspec.MsgspecError:
        return ""
