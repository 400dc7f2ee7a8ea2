"""The alert stage: the logs of all cameras in, tracks and events out."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

from pipeline.errors import UsageError
from pipeline.messages import Event, Record, Wish
from pipeline.stage import Asking, Fact, Outcome, TrackedFrame, Tracker
from stages.alert.camera import CameraAlert
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule


class AlertStage:
    """Tracking and rules as a pure function of (state, records), in media time; cameras share nothing.

    What it says depends on the records alone: not on how they are split into batches, nor on where the stage was
    interrupted and restored, nor on the other cameras. Answers of classifiers count as records: what matters
    is before which frame they were learned. Events carry the analysis and source hashes of the log header.
    """

    Options: ClassVar[type[AlertOptions]] = AlertOptions

    def __init__(
        self,
        options: AlertOptions,
        *,
        rules: Sequence[Rule],
        trackers: Callable[[str], Tracker],
        classifiers: Sequence[Asking] = (),
        exact: bool = False,
        clips: Collection[str] = (),
    ) -> None:
        """``rules``: all of them; each knows its cameras. ``trackers``: makes the tracker of a camera, by name.
        ``classifiers``: all of them; each knows its cameras. ``exact``: what a live log names must be there to be read,
        or else ``process`` raises ``CannotStart``; without it the rules go on with what they have. ``clips``: cameras
        whose events have a clip.

        Raises ``UsageError`` if two rules of one camera have the same name.
        """
        self._options = options
        self._rules = rules
        self._trackers = trackers
        self._classifiers = classifiers
        self._exact = exact
        self._clips = clips
        self._cameras: dict[str, CameraAlert] = {}
        check_names(rules)

    def process(self, camera: str, records: Sequence[Record]) -> Outcome:
        """Feed the next records of one camera's log.

        Raises ``UsageError`` when an engine record shows that a rule names an unknown class, ``LogError`` for a frame
        before the header.
        """
        alert = self._camera(camera)
        events: list[Event] = []
        tracked: list[TrackedFrame] = []
        wishes: list[Wish] = []
        for record in records:
            told, frame, wished = alert.take(record)
            events += told
            wishes += wished
            if frame is not None:
                tracked.append(frame)
        return Outcome(events, tracked, wishes)

    def wishes(self, camera: str) -> Sequence[Wish]:
        """Those without an answer, oldest first."""
        return self._camera(camera).wishes

    def learn(self, camera: str, facts: Sequence[Fact]) -> None:
        """Take in answers, or that there will be none. Raises ``UsageError`` when a classifier's header shows that a
        rule waits for what it never says."""
        self._camera(camera).learn(facts)

    def classified(self, camera: str) -> dict[str, dict[str, int]]:
        """What came of the wishes so far, by classifier: ``wished``, ``answered``, and what was missed by reason."""
        return self._camera(camera).classified

    def candidates(self, camera: str) -> list[int]:
        """As ``pipeline.stage.Alert``."""
        return self._camera(camera).candidates

    def is_idle(self, camera: str) -> bool:
        """As ``pipeline.stage.Dozing``."""
        return self._camera(camera).is_idle

    def state(self, camera: str) -> bytes:
        """All that is remembered of a camera; equal histories give equal bytes."""
        return self._camera(camera).state()

    def restore(self, camera: str, state: bytes) -> None:
        """Go on from what ``state`` gave. Raises ``StoreError`` for a state of other rules."""
        self._camera(camera).restore(state)

    def _camera(self, camera: str) -> CameraAlert:
        if camera not in self._cameras:
            rules = [rule for rule in self._rules if rule.options.watches(camera)]
            asking = [each for each in self._classifiers if camera in each.cameras]
            tracker = self._trackers(camera)
            also = {"exact": self._exact, "clips": camera in self._clips}
            self._cameras[camera] = CameraAlert(camera, self._options, rules, tracker, asking, **also)
        return self._cameras[camera]


def check_names(rules: Sequence[Rule]) -> None:
    """Raise ``UsageError`` if two rules that share a camera have the same name: their events would be mixed up."""
    shared = Counter(
        (rule.options.title, camera) for rule in rules for camera in (rule.options.cameras or ("all cameras",))
    )
    everywhere = Counter(rule.options.title for rule in rules if not rule.options.cameras)
    faults = [
        f"two rules on {camera} are named {title!r}: give each its own name"
        for (title, camera), times in shared.items()
        if times > 1 or (camera != "all cameras" and everywhere[title])
    ]
    if faults:
        raise UsageError("\n".join(faults))
