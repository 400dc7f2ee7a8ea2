"""Kinds of a user's own, as small as they can be: named in a configuration as ``tests.pipeline.own_kinds:Class``."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, SecretStr

from pipeline.detections import Detections
from pipeline.errors import DeliveryError
from pipeline.messages import Event, Record
from pipeline.stage import Outcome, Tracker, View


class Strict(BaseModel):
    """Options as every kind must have them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BlindDetector:
    """Sees nothing, and can see nothing of this many frames at once."""

    class Options(Strict):
        """``at_once``: frames."""

        at_once: int = 2

    def __init__(self, options: Options) -> None:
        self.engine = "blind"
        self.names = ["nothing"]
        self.capacity = options.at_once
        self.model = {"name": "blind", "sha256": ""}

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """No boxes."""
        return [Detections.empty() for _ in batch]


class Rule:
    """A rule that only remembers its options."""

    class Options(Strict):
        """``note``: anything."""

        note: str = ""

    def __init__(self, options: Options) -> None:
        self.options = options


class Needy(Rule):
    """A rule that has something measured."""

    class Options(Rule.Options):
        """``needs``: of capture."""

        @property
        def needs(self) -> frozenset[str]:
            """How loud it is."""
            return frozenset({"loudness"})


class Locked(Rule):
    """A rule that holds a secret."""

    class Options(Rule.Options):
        """``key``: secret."""

        key: SecretStr


class QuietAlert:
    """An alert stage that keeps what it was built from."""

    class Options(Strict):
        """None."""

    def __init__(self, options: Options, *, rules: list[object], trackers: Callable[[str], Tracker]) -> None:
        self.rules = rules
        self.trackers = trackers

    def process(self, camera: str, records: Sequence[Record]) -> Outcome:
        """Nothing ever happens."""
        return Outcome([], [])


class MemorySink:
    """Keeps what it is sent; its options know neither filter nor retries."""

    class Options(Strict):
        """``refuse``: how many times it says no first."""

        refuse: int = 0

    def __init__(self, options: Options) -> None:
        self.refusals = options.refuse
        self.sent: list[str] = []
        self.closed = False

    def send(self, event: Event, *, key: str) -> None:
        """Keep the key."""
        if self.refusals:
            self.refusals -= 1
            raise DeliveryError("not now")
        self.sent.append(key)

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class Unbuildable:
    """Has no options."""
