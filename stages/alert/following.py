"""What the rules of one camera follow beside the footage: taking up what the log says, or keeping what is in use."""

import logging
from collections.abc import Sequence

from pipeline.errors import CannotStart
from stages.alert.rule import FollowingRule, News, Rule

log = logging.getLogger(__name__)


class Following:
    """What is in use of each thing that rules of a camera follow. ``held`` is remembered by the camera: its owner's."""

    def __init__(self, camera: str, rules: Sequence[Rule], held: dict[str, bytes], *, exact: bool) -> None:
        """``exact``: raise ``CannotStart`` for what cannot be read, instead of going on with what is in use; for
        recordings, and where a run is to be told again as it was."""
        self._camera = camera
        self._rules = rules
        self.held = held
        """By the name that the log gives it. Rules get it as ``Scene.followed``."""
        self._exact = exact

    def take(self, what: str, value: bytes, detector: str, *, live: bool) -> None:
        """The log says that it is this from now on. What no rule can go by, or what is gone, changes nothing; what
        another process says of itself is no longer so when it is gone."""
        before = self.held.get(what)
        if not value and before and any(what in rule.options.follows for rule in self._rules):
            log.warning("camera %s: %s is gone; its rules go on with what they have read of it", self._camera, what)
            return
        if self._heed(News(what, value, before, detector), live=live):
            self.held[what] = value
        elif before is None:
            self.held[what] = b""

    def meet(self, detector: str, *, live: bool) -> None:
        """The detector is known by now, or the state was restored: can everything that is in use be gone by?"""
        for what, value in list(self.held.items()):
            if value and not self._heed(News(what, value, value, detector), live=live):
                self.held[what] = b""

    def _heed(self, news: News, *, live: bool) -> bool:
        rules = [each for each in self._rules if news.what in each.options.follows]
        for rule in rules:
            try:
                fault = rule.heed(self._camera, news) if isinstance(rule, FollowingRule) else ""
            except CannotStart as error:
                if self._exact or not live:
                    raise CannotStart(f"camera {self._camera} follows what cannot be read: {error}") from error
                fault = str(error)
            if fault and not live:
                raise CannotStart(fault)
            if fault:
                use = "goes on by what it had" if news.before and news.before != news.value else "raises nothing"
                log.error("camera %s: rule %r %s: %s", self._camera, rule.options.title, use, fault)
                return False
        return True
