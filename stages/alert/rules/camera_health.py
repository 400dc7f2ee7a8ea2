"""``camera_health``: the camera is the matter (ONVIF SignalLoss, ImageTooDark, ImageTooBlurry, GlobalSceneChange).

Each condition is an event of its own. What cannot be checked (sharpness at night, a frozen picture where there is no
noise) neither starts nor ends one: nobody is told that all is well because nobody could look.
"""

import logging
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import AfterValidator, Field, model_validator

from pipeline.clock import SECOND
from stages.alert.options import RuleOptions, nanoseconds
from stages.alert.rule import WHOLE_SCENE, Claim
from stages.alert.rules.conditions import CONDITIONS, Condition, Limits, Usual, Verdict, judge, teach
from stages.alert.scene import Scene

log = logging.getLogger(__name__)

_TOLD_NS = 60 * SECOND
"""A condition that cannot be checked for this long is told in the log, once for each reason."""
_SENTENCES: dict[Condition, str] = {
    "offline": "the camera is offline",
    "frozen": "the picture is frozen, it has not changed for {value:.1f} s",
    "black": "the picture is black",
    "covered": "the camera is covered, {value:.0%} of the usual structure is left",
    "defocused": "the camera is out of focus, {value:.0%} of the usual sharpness is left",
    "moved": "the camera was moved",
    "dark": "the picture is too dark to see anything (mean grey {value:.0f})",
    "clock_drift": "the camera's clock is {value:.1f} s off",
}


def _once(names: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if not names:
        raise ValueError(f"name at least one condition: {', '.join(CONDITIONS)}")
    return tuple(name for name in CONDITIONS if name in names)


class CameraHealthOptions(RuleOptions):
    """Options of ``camera_health``."""

    rule: Literal["camera_health"] = "camera_health"
    conditions: Annotated[tuple[Condition, ...], AfterValidator(_once)] = Field(
        default=CONDITIONS, description="What is watched; default: everything."
    )
    learn_s: float = Field(
        default=10.0, ge=1, le=3600, description="Time in which the usual picture is learned, at first."
    )
    frozen_s: float = Field(
        default=1.0,
        gt=0,
        le=3600,
        description="A picture that repeats itself for this long is frozen, or for three times as long as it ever did "
        "while all was well.",
    )
    black: float = Field(default=10.0, ge=0, le=255, description="Mean grey level up to which a picture is black.")
    dark: float = Field(default=25.0, ge=0, le=255, description="Mean grey level up to which it is too dark.")
    covered: float = Field(
        default=0.3, gt=0, lt=1, description="Share of the usual structure up to which the camera is covered."
    )
    defocused: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of the usual sharpness, measured against the structure, up to which it is out of focus.",
    )
    moved: float = Field(
        default=0.03, gt=0, lt=0.5, description="Shift of the view, in shares of the picture, from which on it moved."
    )
    clock_drift_s: float = Field(
        default=2.0, ge=0, le=86400, description="The camera's own time may be this far from ours."
    )
    enter_inertia_s: float = Field(
        default=3.0, ge=0, le=3600, description="A condition must hold this long before an event starts; offline not."
    )
    exit_inertia_s: float = Field(
        default=3.0, ge=0, le=3600, description="It must be gone this long before an event ends."
    )

    @model_validator(mode="after")
    def _ordered(self) -> "CameraHealthOptions":
        if self.dark < self.black:
            raise ValueError(f"dark ({self.dark:g}) must be at least black ({self.black:g})")
        return self

    @property
    def of_objects(self) -> bool:
        """It is about the camera."""
        return False

    @property
    def unfit_as_part(self) -> str:
        """Parts are looked at frame by frame."""
        if self.conditions != ("offline",):
            return ""
        return (
            "camera_health with offline alone can be no part of another rule: while the camera is offline there are no "
            "frames in which parts could hold; make it a rule of its own"
        )

    @property
    def needs(self) -> frozenset[str]:
        """Numbers of the picture."""
        return frozenset({"health"})


class Record(msgspec.Struct):
    """What is remembered of one camera."""

    usual: Usual = msgspec.field(default_factory=Usual)
    size: tuple[int, int] = (0, 0)
    """Of the pictures that it was learned from: in others an edge is as sharp, but not as wide."""
    since: dict[str, int] = {}
    """Since when each condition that holds has held."""
    last: dict[str, tuple[str, float, str, float]] = {}
    """What was measured of it last: predicate, value, comparison, threshold."""
    unchecked: dict[str, tuple[str, int]] = {}
    """Why each condition cannot be checked, and since when."""
    told: dict[str, str] = {}
    """What of that stands in the log."""
    away: int = 0
    """How often the camera went offline."""


class CameraHealth:
    """Fires when something is wrong with the camera."""

    Options: ClassVar[type[CameraHealthOptions]] = CameraHealthOptions
    Memory: ClassVar[type[Record]] = Record
    momentary: ClassVar[bool] = False

    def __init__(self, options: CameraHealthOptions) -> None:
        self.options = options
        self._enter_ns = nanoseconds(options.enter_inertia_s)
        self._limits = Limits(
            options.frozen_s,
            options.black,
            options.dark,
            options.covered,
            options.defocused,
            options.moved,
            options.clock_drift_s,
            options.learn_s,
        )

    def look(self, scene: Scene, memory: dict[int, Record]) -> list[Claim]:
        """A claim for each condition that holds, or held and cannot be checked now."""
        said = scene.features.get("health")
        if not isinstance(said, dict):
            return []
        record, now = memory.setdefault(WHOLE_SCENE, Record()), scene.frame.media_ns
        size = scene.frame.width, scene.frame.height
        if record.size != size:
            record.size, record.usual = size, Usual()
        verdicts = judge(said, record.usual, self._limits, scene.features.get("clock_drift"))
        teach(said, verdicts, record.usual, self._limits, now)
        unchecked = {name: verdict.reason for name, verdict in verdicts.items() if verdict.holds is None}
        self._tell(record, unchecked, scene)
        claims = []
        for name in self.options.conditions:
            verdict = verdicts.get(name)
            if verdict is None or not self._holds(name, verdict, record, now):
                record.since.pop(name, None)
                record.last.pop(name, None)
                continue
            claims.append(self._claim(name, record, unchecked))
        return claims

    def stream(self, *, online: bool, reason: str, memory: dict[int, Record]) -> list[Claim]:
        """The camera went offline, or came back."""
        record = memory.setdefault(WHOLE_SCENE, Record())
        record.since, record.last = {}, {}
        record.usual.last_ns, record.usual.run_s = -1, 0.0
        if online or "offline" not in self.options.conditions:
            return []
        record.away += 1
        facts = {"condition": "offline", "reason": reason}
        return [Claim(_subject("offline"), "online", False, False, record.away, facts, comparison="==")]

    def _tell(self, record: Record, unchecked: dict[Condition, str], scene: Scene) -> None:
        """Say in the log what cannot be checked for long, and that it can be again."""
        now, camera = scene.frame.media_ns, scene.frame.camera
        for name in self.options.conditions:
            reason = unchecked.get(name)
            if reason is None:
                record.unchecked.pop(name, None)
                if record.told.pop(name, None) is not None:
                    log.info("camera %s: rule %r: %s can be checked again", camera, self.options.title, name)
                continue
            if record.unchecked.get(name, ("", 0))[0] != reason:
                record.unchecked[name] = reason, now
            long = now - record.unchecked[name][1] >= _TOLD_NS
            if long and record.told.get(name) != reason and name != "clock_drift":
                record.told[name] = reason
                log.info("camera %s: rule %r: %s cannot be checked: %s", camera, self.options.title, name, reason)

    def _holds(self, name: Condition, verdict: Verdict, record: Record, now_ns: int) -> bool:
        if verdict.holds:
            record.since.setdefault(name, now_ns)
            record.last[name] = (verdict.predicate, verdict.value, verdict.comparison, verdict.threshold)
            return True
        established = name in record.since and now_ns - record.since[name] >= self._enter_ns
        return verdict.holds is None and established

    def _claim(self, name: Condition, record: Record, unchecked: dict[Condition, str]) -> Claim:
        predicate, value, comparison, threshold = record.last[name]
        facts = {"condition": name, "not_checkable": {each: why for each, why in unchecked.items() if each != name}}
        return Claim(_subject(name), predicate, value, threshold, facts=facts, comparison=comparison)  # type: ignore[arg-type]  # was a Comparison before it was remembered

    def name(self, subject: int) -> str:
        """``frozen`` for its subject."""
        return f"condition {CONDITIONS[-1 - subject]}"

    def describe(self, who: str, claim: Claim) -> str:
        """``the picture is frozen, it has not changed for 4.0 s``."""
        # as a part of another rule its claim has the subject of the whole
        name: Condition = claim.facts.get("condition") or CONDITIONS[-1 - claim.subject]
        sentence = _SENTENCES[name].format(value=claim.value)
        return f"{sentence} ({claim.facts['reason']})" if name == "offline" else sentence

    def region(self) -> dict[str, Any]:
        """None."""
        return {}


def _subject(name: Condition) -> int:
    return -1 - CONDITIONS.index(name)
