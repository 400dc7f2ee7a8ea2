"""A package of evidence: some events with all that proves them, to be handed to others.

It holds the messages of each event as they lie in the store, its pictures and its clip, the entries of the chain that
tell of them, a page to look at, and a script that checks it all on a machine without Bartizan.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import UsageError
from pipeline.integrity import check_package
from pipeline.integrity.chain import FILE, read_chain
from pipeline.integrity.clip_maker import ClipMaker, blurred_of
from pipeline.integrity.derived import write_derived
from pipeline.integrity.entry import Entry
from pipeline.integrity.handover import Handover
from pipeline.integrity.release import ORIGINALS, originals_of
from pipeline.integrity.sealing import SUFFIX
from pipeline.integrity.standing_deletions import follow
from pipeline.integrity.viewer import page
from pipeline.store.event_store import EventStore
from pipeline.store.rows import StoredEvent, readable

MESSAGES = "messages.jsonl"
CLIP = "clip"
"""Kind of evidence that is handed out with people hidden, though it lies there as it was."""
Entries = dict[tuple[str, str], Entry]
"""Of the chain, by kind and name."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A package that was written."""

    folder: Path
    events: int
    files: int
    absent: list[str]
    """What events name and is not there: pictures or clips that are still to come, or that somebody took."""
    deleted: dict[str, str]
    """What events name and was deleted as its owner wished: when, and why."""
    undecoded: dict[str, str]
    """Clips that cannot be decoded, so that nobody could be hidden in them: why."""
    withheld: list[str]
    """Clips as they were that only the key of one of their roles would have added."""
    key: str
    """Public key of the site."""


def pack(
    out: Path,
    store: EventStore,
    wanted: Sequence[str],
    folder: Path,
    *,
    handover: Handover | None = None,
    clips: ClipMaker | None = None,
) -> Packed:
    """Write the package of some events, by id or the beginning of one, into a folder that is not there yet.

    ``handover``: the originals go into it, too, and this notes which ones before anything is written. ``clips``: makes
    the clips in which people are hidden.

    Raises ``UsageError`` for an event that there is none of or several, results without a chain, a folder that is
    there, or a key of a role that opens none of the originals; ``OSError`` where it cannot be written.
    """
    if not (out / FILE).is_file():
        raise UsageError(f"{out}: has no {FILE}: there is nothing that would prove its events")
    if folder.exists():
        raise UsageError(f"{folder}: is there already; name another folder")
    events = _find(store, wanted)
    entries = _entries(out)
    key = next((name for kind, name in entries if kind == "site"), "")
    clips = clips or ClipMaker(out)
    originals = _originals(out, events, entries) if handover else {}
    shown_clips = _clips(out, events, entries, clips) if handover else {}
    withheld = [] if handover is None else _withheld(out, events, shown_clips, clips, handover)
    originals |= {path: path for path in shown_clips if path not in withheld}
    if handover and (originals or withheld):
        handover.note(sorted(originals.values()))
    packing = _Packing(out, folder, entries, originals, handover, clips)
    folder.mkdir(parents=True)
    shown = [packing.take(name, messages) for name, messages in events.items()]
    proof = sorted(packing.proof.values(), key=lambda entry: entry.n)
    (folder / "proof.jsonl").write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in proof))
    facts: dict[str, Any] = {"key": key, "events": list(events), "items": packing.items}
    write_derived(folder, clips.statements)
    facts |= {"absent": packing.absent, "deleted": packing.deleted}
    facts |= {"clips": clips.made, "undecoded": clips.failed}
    (folder / "package.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(page(shown, key=key), encoding="utf-8")
    shutil.copyfile(check_package.__file__, folder / "verify.py")
    files = sum(item["kind"] == "file" for item in packing.items)
    return Packed(folder, len(events), files, packing.absent, packing.deleted, clips.failed, withheld, key)


class _Packing:
    """What is in the package so far."""

    def __init__(
        self,
        out: Path,
        folder: Path,
        entries: Entries,
        originals: dict[str, str],
        handover: Handover | None,
        clips: ClipMaker,
    ) -> None:
        self._out = out
        self._originals = originals
        self._handover = handover
        self._clips = clips
        self._folder = folder
        self._entries = entries
        self.items: list[dict[str, Any]] = []
        self.proof: dict[int, Entry] = {}
        self.absent: list[str] = []
        self.deleted: dict[str, str] = {}

    def take(self, name: str, messages: list[StoredEvent]) -> dict[str, Any]:
        """Put an event in; what the page shows of it."""
        place = self._folder / name
        place.mkdir()
        (place / MESSAGES).write_bytes(b"".join(each.body.encode() + b"\n" for each in messages))
        for line, each in enumerate(messages, 1):
            self._note("event", each.message_id, f"{name}/{MESSAGES}", line=line)
        files: dict[str, str] = {}
        told_of: dict[str, str] = {}
        last = {kind: path for each in messages for kind, path in each.event.evidence.items()}
        wanted = dict.fromkeys((kind, path) for each in messages for kind, path in each.event.evidence.items())
        earlier: list[tuple[str, str]] = []
        for kind, path in wanted:
            blurs = kind == CLIP and self._is_proven(path) and self._clips.hides(path)
            found = self._files(kind, path, name, copied=not blurs)
            if last[kind] == path:
                files.update(found)
            else:
                earlier += found.items()
            if blurs and (said := self._clip(path, messages, name)):
                files[kind], told_of[kind] = f"{name}/{blurred_of(path)}", said
        told = [
            self.deleted[path] for each in messages for path in each.event.evidence.values() if path in self.deleted
        ]
        return {
            "messages": [json.loads(each.body) for each in messages],
            "files": files,
            "told": told_of,
            "undecoded": [why for path, why in self._clips.failed.items() if path in last.values()],
            "earlier": earlier,
            "deleted": list(dict.fromkeys(told)),
            "folder": name,
        }

    def _clip(self, path: str, messages: list[StoredEvent], name: str) -> str:
        """Make the clip in which people are hidden; what is to be said of it, empty if it cannot be made."""
        target = f"{name}/{blurred_of(path)}"
        said = self._clips.make(path, [each.event for each in messages], self._folder, target)
        entry = self._entries["file", path]
        if said:
            self.proof[entry.n] = entry
            self.items.append({"kind": "derived", "name": path, "path": target})
        return said

    def _is_proven(self, path: str) -> bool:
        return (self._out / path).is_file() and ("file", path) in self._entries

    def _files(self, kind: str, path: str, name: str, *, copied: bool = True) -> dict[str, str]:
        """Copy one piece of evidence, if it is to be ``copied``, with what is said of it; where each lies in the
        package."""
        stem = str(Path(path).with_suffix(""))
        found = {}
        for each in (*([path] if copied else []), f"{stem}.json", f"{stem}.missing"):
            if (self._out / each).is_file() and ("file", each) in self._entries:
                target = f"{name}/{Path(each).name}"
                if not (self._folder / target).exists():
                    shutil.copyfile(self._out / each, self._folder / target)
                    self._note("file", each, target)
                if each == path:
                    found[kind] = target
        if (original := self._originals.get(path)) and self._handover is not None:
            target = f"{name}/{ORIGINALS}/{Path(original).name}"
            opened = self._handover.copy(original, self._folder / target)
            self._note("file", original, target)
            if opened is not None:
                found[f"original of {kind}"] = opened.relative_to(self._folder).as_posix()
            else:
                found[f"original of {kind}{', sealed' if original.endswith(SUFFIX) else ''}"] = target
        if ("tombstone", path) in self._entries and not (self._out / path).is_file():
            self._bury(path)
        elif copied and not found and path not in self.absent:
            self.absent.append(path)
        return found

    def _bury(self, path: str) -> None:
        """What the chain says of a file that was deleted: what it was, and when and why it went."""
        tombstone = self._entries["tombstone", path]
        self.deleted[path] = f"{path} was deleted at {tombstone.taken}: {tombstone.note}"
        for entry in (self._entries.get(("file", path)), tombstone):
            if entry is not None:
                self.proof[entry.n] = entry

    def _note(self, kind: str, name: str, path: str, **also: int) -> None:
        entry = self._entries.get((kind, name))
        if entry is None:
            self.absent.append(f"{kind} {name}")
            return
        self.proof[entry.n] = entry
        self.items.append({"kind": kind, "name": name, "path": path, **also})


def _originals(out: Path, events: dict[str, list[StoredEvent]], entries: Entries) -> dict[str, str]:
    """Of each picture of these events the one as it was, where it is there and the chain has it."""
    pictures = {path for messages in events.values() for each in messages for path in each.event.evidence.values()}
    there = ((path, original) for path in sorted(pictures) for original in originals_of(out, path))
    return {path: original for path, original in there if ("file", original) in entries}


def _withheld(
    out: Path, events: dict[str, list[StoredEvent]], shown: dict[str, str], clips: ClipMaker, handover: Handover
) -> list[str]:
    """Those of these clips that take the key of another role, or of one at all. Each event is asked for itself."""
    found = []
    for messages in events.values():
        paths = sorted({path for each in messages for path in each.event.evidence.values()})
        sealed = [name for path in paths for name in originals_of(out, path) if name.endswith(SUFFIX)]
        found += [path for path in paths if path in shown and not handover.reaches(path, clips.roles(path), sealed)]
    return found


def _clips(out: Path, events: dict[str, list[StoredEvent]], entries: Entries, clips: ClipMaker) -> dict[str, str]:
    """Clips of these events that show people whom the events are not about: each is its own original."""
    named = {each.event.evidence.get(CLIP) for messages in events.values() for each in messages}
    there = (path for path in sorted(filter(None, named)) if (out / path).is_file() and ("file", path) in entries)
    return {path: path for path in there if clips.hides(path)}


def _entries(out: Path) -> Entries:
    """Of the whole chain, but for tombstones that do not hold."""
    found: Entries = {}
    deleted: dict[str, Entry] = {}
    for entry in read_chain(out / FILE):
        if isinstance(entry, Entry):
            found[entry.kind, entry.name] = entry
            follow(deleted, entry, entry)
    return {(kind, name): entry for (kind, name), entry in found.items() if kind != "tombstone" or name in deleted}


def _find(store: EventStore, wanted: Sequence[str]) -> dict[str, list[StoredEvent]]:
    """The messages of each event, in order."""
    found: dict[str, list[StoredEvent]] = {}
    for stored in store.events("commit"):
        for event in readable([stored]):
            if any(event.id.startswith(name) for name in wanted):
                found.setdefault(event.id, []).append(stored)
    for name in wanted:
        hits = [each for each in found if each.startswith(name)]
        if len(hits) != 1:
            several = f"there are {len(hits)}, such as {hits[0]} and {hits[1]}" if hits else "there is none"
            raise UsageError(f"event {name!r}: {several}; give more of its id (bartizan events list)")
    return found
