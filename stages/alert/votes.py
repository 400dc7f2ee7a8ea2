"""What an object is, by vote over what a classifier said of its crops.

A single crop may show a shadow or somebody else, so nothing is said before two answers speak for it, and what has been
said is taken back only when something else is clearly ahead. Until then it is unknown, and who asks waits.
"""

import msgspec

DECAY = 0.85
"""What an answer counts for, each time another one comes."""
ENOUGH = 1.0
"""Weight that a name needs to be said: more than one answer can give."""
SHARE = 0.55
"""Share of all weights that it needs."""
AHEAD = 1.25
"""How far ahead of what has been said another name must be to take its place."""
AGREEING = 5
"""So many answers in a row for what has been said settle it."""


class Votes(msgspec.Struct):
    """The vote of one classifier on one object."""

    weights: dict[str, float] = {}
    value: str = ""
    """What is said now; empty: unknown."""
    row: int = 0
    """Answers in a row whose first choice was ``value``."""

    @property
    def settled(self) -> bool:
        """The last answers agree."""
        return self.row >= AGREEING

    @property
    def share(self) -> float:
        """How much of all weights speaks for what is said."""
        total = sum(self.weights.values())
        return self.weights.get(self.value, 0.0) / total if total else 0.0

    def add(self, scores: dict[str, float]) -> None:
        """Count an answer, each name with its probability."""
        names = {**self.weights, **scores}
        self.weights = {name: self.weights.get(name, 0.0) * DECAY + scores.get(name, 0.0) for name in names}
        first = max(scores, key=lambda name: scores[name])
        leader = max(self.weights, key=lambda name: self.weights[name])
        weight = self.weights[leader]
        leads = weight > ENOUGH and weight >= SHARE * sum(self.weights.values())
        if leader != self.value and leads and weight >= AHEAD * self.weights.get(self.value, 0.0):
            self.value, self.row = leader, 0
        self.row = self.row + 1 if first == self.value else 0
