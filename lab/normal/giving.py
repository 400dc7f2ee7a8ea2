"""Another generation with the same model and other feedback. Where there is one already, that is put in use again."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from lab.normal.keeping import as_json, digest_of, drop_crops, place, use
from pipeline.errors import CannotStart, UsageError
from stages.alert.normal.feedback import FEEDBACK, MOST, Feedback, Given
from stages.alert.normal.store import (
    EXEMPLARS,
    GENERATIONS,
    MANIFEST,
    Manifest,
    Stored,
    generations,
    read_generation,
    read_manifest,
)

_SHORT = 8


def files_with(stored: Stored, feedback: Feedback, *, generation: int) -> dict[str, bytes]:
    """The files of a generation that differs from this one in its feedback alone, its manifest and crops included.

    Raises ``UsageError`` for more feedback than is kept.
    """
    if len(feedback.given) > MOST:
        raise UsageError(
            f"{stored.path}: keeps feedback on {MOST} events at most; take some back: bartizan normal feedback undo"
        )
    names = [name for name in stored.manifest.files if name != FEEDBACK]
    files = {name: (stored.path / name).read_bytes() for name in names}
    if feedback.given:
        files[FEEDBACK] = as_json(feedback)
    manifest = replace(
        stored.manifest,
        generation=generation,
        parent=stored.digest,
        model_of=stored.manifest.model_of or stored.manifest.generation,
        files={name: digest_of(content) for name, content in files.items()},
    )
    crops = {name: stored.exemplar(name) for name in stored.manifest.exemplars}
    beside = {f"{EXEMPLARS}/{name}": content for name, content in crops.items() if content is not None}
    return files | beside | {MANIFEST: as_json(manifest)}


def put(stored: Stored, feedback: Feedback) -> Stored:
    """Put a generation in use that differs from this one, which is in use, in its feedback alone.

    If such a one is kept, it is that, to the byte; else it is written. Raises what ``files_with`` raises.
    """
    folder = stored.path.parent.parent
    there = generations(folder)
    files = files_with(stored, feedback, generation=max(there) + 1)
    wanted = _deciding(msgspec.json.decode(files[MANIFEST], type=Manifest))
    for number in reversed(there):
        kept = _readable(stored.path.with_name(str(number)), wanted)
        if kept is not None:
            use(folder, number)
            return kept
    place(folder, max(there) + 1, files)
    use(folder, max(there) + 1)
    drop_crops(folder)
    return read_generation(folder / GENERATIONS / str(max(there) + 1))


def _readable(path: Path, wanted: Manifest) -> Stored | None:
    """The generation there, if it is this one and undamaged."""
    try:
        return read_generation(path) if _deciding(read_manifest(path)) == wanted else None
    except CannotStart:
        return None


def _deciding(manifest: Manifest) -> Manifest:
    """All of it but which generation it is, and what it came after."""
    return replace(manifest, generation=0, parent="", model_of=0, created_by="")


def find(feedback: Feedback, name: str) -> Given:
    """What was said about the event of this id, or whose id begins like this. Raises ``UsageError``."""
    wanted = name.strip().lower()
    fitting = [each for each in feedback.given if wanted and each.event.startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(each.event[:_SHORT] for each in fitting or feedback.given) or "none"
    raise UsageError(f"{name!r} {'fits several' if fitting else 'fits no feedback'}; there: {there}")
