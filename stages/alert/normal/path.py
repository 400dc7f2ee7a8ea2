"""The feature ``path``: how far from where others went an object stands."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.feature import QUIET, Arrays, Look, Told
from stages.alert.normal.flow_field import Boxes, Floats
from stages.alert.normal.lessons import Lessons, feet
from stages.alert.normal.scale import Scale
from stages.alert.normal.survival import Survival
from stages.alert.sighting import Box

ROWS, COLUMNS = 48, 64
"""Parts of the picture in which feet are told apart."""
LEAST = 0.25
"""Who goes farther than anybody did goes so many sizes farther on average, at least: boxes tell no better."""
Trodden = npt.NDArray[np.bool_]
Part = tuple[int, int]
Alone = Mapping[tuple[int, int], Mapping[Part, float]]


@dataclass(frozen=True, slots=True)
class Path:
    """Fulfils ``Feature``."""

    name: ClassVar[str] = "path"
    unit: ClassVar[str] = "sizes of things there from where normal tracks went"
    quiet: ClassVar[float] = QUIET
    scale: Scale
    """How large things are at each row."""
    trodden: Trodden
    """bool (rows, columns): where the feet of a normal track were."""
    strayed: Survival
    """How far from all others normal tracks went."""
    away: Floats
    """float64 (rows, columns): from each part to the nearest trodden one, in shares of the picture."""
    alone: "Alone | None" = None
    """While it is learned: of each normal track by source and subject, how far its parts are from those of others."""
    clip: int = 0
    """While it is learned: the clip that is looked at ..."""
    sources: Sequence[int] = ()
    """... and of each clip where it is from, see ``Lessons``."""

    def look(self, look: Look) -> Told | None:
        """As ``Feature``."""
        box = look.observed.box
        rows, columns = parts(box)
        away = self.away[rows, columns]
        for place, subject in enumerate(look.observed.subject.tolist() if self.alone else ()):
            own = (self.alone or {})[self.sources[self.clip] if self.sources else self.clip, subject]
            away[place] = own.get((int(rows[place]), int(columns[place])), away[place])
        value = away / self.scale.at(feet(box))
        return Told(value, self.strayed.of_values(value))

    def apart(self, clip: int) -> Self:
        """As ``fitting.Apart``."""
        return replace(self, clip=clip)

    def learned(self) -> Self:
        """As ``fitting.Apart``."""
        return replace(self, alone=None, clip=0, sources=())

    def rare(self, share: float, box: Box) -> float | None:
        """As ``Feature``."""
        reached = self.strayed.value(share)
        return reached if np.isfinite(reached) else None

    @property
    def least_p(self) -> float | None:
        """As ``Feature``."""
        return self.strayed.least_p

    def arrays(self) -> Arrays:
        """As ``Feature``."""
        return {"path.scale": self.scale.array(), "path.trodden": self.trodden, "path.strayed": self.strayed.array()}

    @classmethod
    def learn(cls, lessons: Lessons) -> Self | None:
        """As ``Feature``. Each track counts once, with the farthest that it was from where another went."""
        tracks: dict[tuple[int, int], set[Part]] = defaultdict(set)
        for clip, frames in enumerate(lessons.clips):
            for frame in frames:
                rows, columns = parts(frame.box)
                told = zip(frame.subject.tolist(), rows.tolist(), columns.tolist(), strict=True)
                for subject, row, column in told:
                    tracks[lessons.source(clip), subject].add((row, column))
        if len(tracks) < 2:
            return None
        scale = lessons.scales["size"]
        count = np.zeros((ROWS, COLUMNS), np.int64)
        for went in tracks.values():
            count[tuple(np.array(sorted(went)).T)] += 1
        alone = {track: _alone(np.array(sorted(went)), count) for track, went in tracks.items()}
        strayed = [
            max(
                (away / float(scale.at(np.array([(row + 0.5) / ROWS]))[0]) for (row, _), away in own.items()),
                default=0.0,
            )
            for own in alone.values()
        ]
        return replace(
            cls.made(scale, count > 0, Survival.fit(np.array(strayed), np.ones(len(strayed), np.bool_), least=LEAST)),
            alone=alone,
            sources=lessons.sources,
        )

    @classmethod
    def made(cls, scale: Scale, trodden: Trodden, strayed: Survival) -> Self:
        """With how far it is to the trodden parts. Raises ``ValueError`` for parts that are none."""
        if trodden.shape != (ROWS, COLUMNS) or trodden.dtype != np.bool_ or not trodden.any():
            raise ValueError(f"path.trodden must be bool of shape ({ROWS}, {COLUMNS}), some of it true")
        everywhere = np.argwhere(np.ones_like(trodden))
        return cls(scale, trodden, strayed, _nearest(everywhere, np.argwhere(trodden)).reshape(ROWS, COLUMNS))

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``Feature``."""
        return cls.made(Scale.of(arrays["path.scale"]), arrays["path.trodden"], Survival.of(arrays["path.strayed"]))


def parts(boxes: Boxes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Row and column of the part where each box has its feet."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, feet(boxes)
    row = np.clip((y * ROWS).astype(np.intp), 0, ROWS - 1)
    return row, np.clip((x * COLUMNS).astype(np.intp), 0, COLUMNS - 1)


def _alone(went: npt.NDArray[np.intp], count: npt.NDArray[np.int64]) -> dict[Part, float]:
    """Of the parts of a track, intp (n, 2), where no other went: how far it is to where one did."""
    rows, columns = went.T
    alone = went[count[rows, columns] == 1]
    others = count > 0
    others[tuple(alone.T)] = False
    away = _nearest(alone, np.argwhere(others)) if others.any() else np.ones(len(alone))
    return {(row, column): far for (row, column), far in zip(alone.tolist(), away.tolist(), strict=True)}


def _nearest(of: npt.NDArray[np.intp], to: npt.NDArray[np.intp]) -> Floats:
    """float64 (n,): how far it is from each part to the nearest of others, in shares of the picture."""
    grid = np.array([ROWS, COLUMNS])
    found = [np.hypot(*((to - each) / grid).T).min() for each in of]
    return np.array(found)
