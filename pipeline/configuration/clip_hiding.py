"""What must be hidden in a clip before others see it, as the run was told."""

from typing import Any

from pipeline.configuration.config import PipelineConfig


def to_hide(config: PipelineConfig, camera: str) -> dict[str, Any]:
    """For the note beside a clip of a camera.

    ``people``: classes that are people, empty where nobody is to be hidden, null for the usual ones. ``areas``: privacy
    masks that the recording does not have, so that nobody looked for people there. ``roles``: public keys of those who
    may see it as it is, empty where no key is asked for: no sealed original need be left to tell that by.
    """
    evidence: Any = config.evidence.options  # of a kind of the user's own it may have neither
    people = getattr(evidence, "people", None)
    recorded, options = config.recorded(camera), config.cameras[camera]
    hides = getattr(evidence, "blur", "people") != "none"
    unmasked = recorded is not None and getattr(recorded.options, "unmasked", False)
    masks = getattr(options, "masks", ()) if unmasked else ()
    return {
        "people": [] if not hides else None if people is None else list(people),
        "areas": [[[float(x), float(y)] for x, y in polygon] for polygon in masks],
        "roles": [public.lower() for public in config.integrity.roles.values()],
    }
