"""Where events go."""

from typing import Protocol

from pipeline.messages import Event


class Sink(Protocol):
    """A place where events go. All calls come from one thread, which serves no other sink: they may wait.

    Some methods are optional. ``open() -> None`` is called now and then while there is nothing to send: it connects,
    if that is not so already, or raises ``DeliveryError``. ``look_in(out: Path) -> None`` tells, once and before all
    else, where the result folder is, in which the paths of ``Event.evidence`` lie. Two more are for sinks that speak
    other systems' dialects: ``meet(cameras: Mapping[str, Sequence[tuple[str, str]]]) -> None`` tells each camera with
    the kinds and names of the rules that watch it, ``look_back(past) -> None`` whom to ask for the earlier messages of
    an event and for what is going on (``stages.deliver.past.Past``).
    """

    def send(self, event: Event, *, key: str) -> None:
        """Deliver one message; returning means that the receiver acknowledged it.

        ``key`` is the idempotency key. Raises ``DeliveryError``.
        """
        ...

    def close(self) -> None:
        """Let go of connections; safe to call twice."""
        ...
