"""How long to wait before trying again: exponential, bounded, with jitter."""

import random


class Backoff:
    """Delays that double from ``first_s`` to ``max_s``, each drawn between half of it and all of it.

    The jitter keeps many cameras of one switch from coming back in the same instant. ("Equal jitter", M. Brooker,
    Exponential Backoff and Jitter, 2015.)
    """

    def __init__(self, first_s: float, max_s: float, source: random.Random) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._random = source
        self._tries = 0

    def next_s(self) -> float:
        """The next delay in seconds."""
        full = min(self._max_s, self._first_s * 2.0 ** min(self._tries, 60))
        self._tries += 1
        return full / 2 + self._random.random() * full / 2

    def reset(self) -> None:
        """It worked: begin again with the first delay."""
        self._tries = 0
