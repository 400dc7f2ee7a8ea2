"""Whether a process gets on with its work."""

from pipeline.process import Role
from pipeline.supervisor.status import Status

MOST_POISON = 20
"""Frames that kill workers count as progress up to this many: a damaged stretch of a recording is worth getting past,
a detector that dies on every frame is not worth restarting for each."""


def progress_of(role: Role, status: Status) -> int:
    """A number that grows whenever who plays this role gets on."""
    match role.stage:
        case "capture":
            camera = status.cameras.get(role.name)
            return camera.next_index if camera else 0
        case "alert":
            return sum(c.frames for c in status.consumed.values())
        case "evidence" | "record" | "deliver":
            backlog = status.backlogs.get(role.label)
            return backlog.done + backlog.steps if backlog else 0
        case "classify":
            label = f"{role.label}-"
            return sum(count for name, count in status.answers.items() if name.startswith(label))
        case "detect":
            label = f"{role.label}-"
            accepted = sum(count for name, count in status.workers.items() if name.startswith(label))
            poison = sum(camera.counts.get("poison", 0) for camera in status.cameras.values())
            return accepted + min(poison, MOST_POISON)
        case _:
            return status.frames
