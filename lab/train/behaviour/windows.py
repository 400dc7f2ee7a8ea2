"""All windows of a training run, their rows of features computed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lab.train.behaviour.augment import altered
from lab.train.behaviour.feature_cache import FeatureCache
from lab.train.behaviour.sequences import Sequence as Run
from lab.train.behaviour.sequences import starts, truth
from lab.train.behaviour.settings import BehaviourSettings, Candidate, Part

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """``rows``: float32 (variants, n, frames, width), the first variant unaltered. ``truth``, ``source``, ``clip``:
    int64 (n,), class, number of the independent source, number of the clip. ``held``: bool (n,), of the declared
    split ``val``. ``facts``: float64 (n, f). ``columns``: where each feature lies in a row. ``sources``: their names.
    """

    rows: Tensor
    truth: IntArray
    source: IntArray
    clip: IntArray
    held: npt.NDArray[np.bool_]
    facts: npt.NDArray[np.float64]
    columns: dict[Part, slice]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.truth)

    def of(self, candidate: Candidate) -> Tensor:
        """The rows of a candidate's networks only, side by side in their order."""
        return torch.cat([self.rows[..., self.columns[name]] for name in candidate.parts], 3)

    def differenced(self, candidate: Candidate) -> Tensor:
        """bool (width,): the columns of ``of`` that enter as their change from row to row."""
        widths = [self.columns[name].stop - self.columns[name].start for name in candidate.parts]
        changes = [feature.endswith("_change") for feature in candidate.features]
        return torch.tensor(changes).repeat_interleave(torch.tensor(widths))


def gather(
    runs: Sequence[Run],
    cache: FeatureCache,
    settings: BehaviourSettings,
    widths: dict[Part, int],
    *,
    step: Callable[[], None] = lambda: None,
) -> Windows:
    """Features of every run and its altered copies, cut into windows; ``step`` is called after each run."""
    rows: list[npt.NDArray[np.float32]] = []
    table: list[tuple[int, int, int, bool]] = []
    facts: list[npt.NDArray[np.float64]] = []
    groups = sorted({run.clip.origin.group for run in runs})
    clips = sorted({str(run.clip.path) for run in runs})
    for number, run in enumerate(runs):
        seed = settings.seed + number
        variants = [cache.rows(altered(run.pixels, variant=v, seed=seed)) for v in range(settings.augmented + 1)]
        for start in starts(len(run), frames=settings.frames, stride=settings.stride):
            class_id = truth(run, start, settings.frames)
            if class_id is None:
                continue
            rows.append(np.stack([variant[start : start + settings.frames] for variant in variants]))
            origin = run.clip.origin
            table.append((class_id, groups.index(origin.group), clips.index(str(run.clip.path)), origin.split == "val"))
            facts.append(run.facts)
        step()
    truths, source, clip, held = (np.array(column) for column in zip(*table, strict=True))
    edges = np.cumsum([0, *widths.values()])
    return Windows(
        torch.from_numpy(np.stack(rows, axis=1)),
        truths.astype(np.int64),
        source.astype(np.int64),
        clip.astype(np.int64),
        held.astype(np.bool_),
        np.stack(facts),
        {name: slice(int(a), int(b)) for name, a, b in zip(widths, edges[:-1], edges[1:], strict=True)},
        tuple(groups),
    )
