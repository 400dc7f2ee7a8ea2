"""What the dispatcher knows of one worker."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Lease:
    """One frame in one worker's hands."""

    name: str
    camera: str
    index: int
    granted_ns: int
    reported: bool = False
    """The supervisor was told that it is overdue."""


@dataclass(slots=True)
class Worker:
    """One detect worker."""

    name: str
    peer: bytes
    capacity: int
    leases: dict[str, Lease] = field(default_factory=dict)
    suspended: bool = False
    """Overdue: gets nothing more until it says that it is idle."""
    alone: bool = False
    """Works on a suspect frame: gets nothing beside it."""
    accepted: int = 0

    def close(self, lease_name: str) -> None:
        """It has this frame no more."""
        self.leases.pop(lease_name, None)
        self.alone = False
