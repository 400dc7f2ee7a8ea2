"""Handing out originals: which of them a key opens, what is written down of that first, and the copies."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.integrity.release import ORIGINALS, Release, note_releases
from pipeline.integrity.sealing import SUFFIX, SealError, opens, unseal
from pipeline.role_key import RoleKey


@dataclass(slots=True)
class Handover:
    """Originals of one folder of results, and who gets them."""

    out: Path
    by: str
    """User of this machine."""
    to: str
    at: str
    """RFC 3339, UTC."""
    key: RoleKey | None = None
    """Opens what is sealed; without one, that is handed out as it lies there."""
    opened: list[str] = field(default_factory=list)
    """What the key opens, and ..."""
    sealed: list[str] = field(default_factory=list)
    """... what stays sealed."""
    unopened: list[str] = field(default_factory=list)
    """Why the key did not open some."""
    keyed: set[str] = field(default_factory=set)
    """Clips that the key is for, though nothing seals them."""
    refused: list[str] = field(default_factory=list)
    """Clips that were asked for with a key that is not for them."""
    noted: int = 0
    """Lines that were written down."""

    def reaches(self, clip: str, roles: Sequence[str] | None, sealed: Sequence[str]) -> bool:
        """Whether a clip as it was may be handed out. It is not sealed, so it goes with what is: where there are roles
        it takes the key of one.

        ``roles``: their public keys as the note beside the clip has them; None where it does not say. ``sealed``: the
        sealed originals of its event. Where neither tells, any that lie in these results do.
        """
        if roles:
            found = self.key is not None and self.key.public in roles
        else:
            if roles is None and not sealed:
                sealed = [path.relative_to(self.out).as_posix() for path in sorted(self._folder.glob(f"*{SUFFIX}"))]
            if not sealed:
                return True
            found = any(self._refusal(name) is None for name in sealed)
        if found:
            self.keyed.add(clip)
        elif self.key is not None:
            self.refused.append(clip)
        return found

    def note(self, names: Sequence[str]) -> None:
        """Write down that these are handed out, and what the key is not for, and have it on the disk. Raises
        ``OSError``.

        With a key that opens none of them nothing is: that is written down, and ``UsageError`` raised.
        """
        refusals = {name: why for name in names if name.endswith(SUFFIX) and (why := self._refusal(name)) is not None}
        self.sealed = sorted(refusals)
        self.opened = [name for name in names if name.endswith(SUFFIX) and name not in refusals]
        if self.key is not None and refusals and not self.opened and not self.keyed:
            self._write([self._line(name, self.key.public, refused=True) for name in (*refusals, *self.refused)])
            first, why = next(iter(refusals.items()))
            raise UsageError(
                f"the key {self.key.public} opens none of the {len(refusals)} sealed originals: {first} {why}; "
                "nothing was written but a line that it was tried"
            )
        role = self.key.public if self.key else ""
        self.unopened += [f"{name} {why}" for name, why in refusals.items() if self.key]
        with_key = self.keyed.union(self.opened)
        lines = [self._line(name, role if name in with_key else "", sealed=name in refusals) for name in names]
        self._write([*lines, *(self._line(name, role, refused=True) for name in self.refused)])

    def copy(self, name: str, target: Path) -> Path | None:
        """Copy one, and write beside it what is inside where the key opens it; the path of that. Raises ``OSError``."""
        target.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(self.out / name, target)
        if name not in self.opened or self.key is None:
            return None
        try:
            data = unseal(target.read_bytes(), self.key)
        except SealError as error:
            self.unopened.append(f"{name} {error}")
            return None
        opened = target.with_name(target.name.removesuffix(SUFFIX))
        opened.write_bytes(data)
        return opened

    def _refusal(self, name: str) -> str | None:
        """Why one stays sealed; None: it does not."""
        if self.key is None:
            return "is sealed"
        try:
            opens((self.out / name).read_bytes(), self.key)
        except SealError as error:
            return str(error)
        return None

    @property
    def _folder(self) -> Path:
        return self.out / ORIGINALS

    def _write(self, lines: list[Release]) -> None:
        note_releases(self.out, lines)
        self.noted += len(lines)

    def _line(self, name: str, role: str = "", *, sealed: bool = False, refused: bool = False) -> Release:
        return Release(name, self.by, self.to, self.at, role=role, sealed=sealed, refused=refused)
