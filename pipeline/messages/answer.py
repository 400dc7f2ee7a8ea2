"""Records of a journal of answers, and what became of a wish that has none."""

import msgspec

from pipeline.messages.classification import WishKey


class AnswersHeader(msgspec.Struct, frozen=True, tag=True):
    """First record of each journal of answers: which classifier gave them, and what it can say."""

    schema: int
    camera: str
    classifier: str
    analysis_sha256: str
    model: dict[str, str]
    """``name``, ``sha256`` and ``engine``."""
    names: list[str]
    """What its answers can be."""
    frames: int = 0
    """Behaviour: samples in a window; 0 for what is told from one crop."""
    fps: float = 0.0
    """Behaviour: samples a second."""
    scene: bool = False
    """Behaviour: looks at the whole picture, not at tracks."""


class Answer(msgspec.Struct, frozen=True, tag=True):
    """What a classifier says about a wish."""

    index: int
    track_id: int
    classifier: str
    scores: dict[str, float] = {}
    """Probability of each name; empty: it cannot tell."""
    reason: str = ""
    """Why it cannot tell."""
    features: bytes = b""
    """Behaviour: what it saw of this sample, float32."""

    @property
    def key(self) -> WishKey:
        """The wish that it answers."""
        return self.index, self.track_id, self.classifier


class Missed(msgspec.Struct, frozen=True):
    """An answer that did not count, and why: ``late`` (live), ``classify_lost``; or ``joined``, with track id -1: from
    this frame on the classifier takes part (live)."""

    index: int
    track_id: int
    classifier: str
    reason: str

    @property
    def key(self) -> WishKey:
        """The wish that stays without an answer."""
        return self.index, self.track_id, self.classifier
