"""Dividing crops into train, val and test without tearing a recording apart.

Neighbouring frames look alike: a model that saw one knows the other, and its score on it says nothing.
"""

from collections import Counter
from collections.abc import Sequence

from lab.train.classify.crops import Crop, names_of
from pipeline.errors import UsageError

FEWEST = 4
"""Crops of a class, below which there is nothing to learn from, let alone to hold back."""


def divide(crops: Sequence[Crop], *, val_share: float, test_share: float, seed: int) -> tuple[Crop, ...]:
    """Every crop with its split. Those that have one keep it, and so do others of the same recording.

    Whole recordings move, so that each class is shared out about as wanted. Raises ``UsageError`` if a class is
    missing in a split afterwards.
    """
    for name, count in Counter(crop.name for crop in crops).items():
        if count < FEWEST:
            raise UsageError(f"class {name!r} has {count} crops; {FEWEST} at least, better hundreds")
    settled = {crop.group: crop.split for crop in crops if crop.split}
    given = {crop.split for crop in crops if crop.split}
    loose = [crop for crop in crops if not crop.split and crop.group not in settled]
    shares = {"test": test_share, "val": val_share}
    wanted = {split: share for split, share in shares.items() if share > 0 and split not in given}
    if "val" in given and "train" in given and "test" not in given:
        wanted = {}  # the user divided the data; what is left belongs to train
    left, rest = 1.0, loose
    for split, share in wanted.items():
        chosen = _groups_for(rest, share / left, seed) if rest else set()
        settled |= dict.fromkeys(chosen, split)
        rest = [crop for crop in rest if crop.group not in chosen]
        left -= share
    divided = tuple(crop if crop.split else crop.moved_to(settled.get(crop.group, "train")) for crop in crops)
    _require_every_class(divided)
    return divided


def counts(crops: Sequence[Crop]) -> dict[str, dict[str, int]]:
    """How many crops of each class are in each split."""
    found = {split: Counter(crop.name for crop in crops if crop.split == split) for split in ("train", "val", "test")}
    names = names_of(crops)
    return {split: {name: many[name] for name in names} for split, many in found.items() if many}


def _groups_for(crops: Sequence[Crop], share: float, seed: int) -> set[str]:
    """Recordings that together hold about ``share`` of each class."""
    from sklearn.model_selection import StratifiedGroupKFold  # type: ignore[import-untyped]  # ships no types

    groups = [crop.group for crop in crops]
    folds = min(max(round(1 / share), 2), len(set(groups)))
    if folds < 2:
        return set()
    names = [crop.name for crop in crops]
    rarest = min(Counter(names).values())
    folding = StratifiedGroupKFold(max(min(folds, rarest), 2), shuffle=True, random_state=seed)
    classes = {name: {crop.group for crop in crops if crop.name == name} for name in set(names)}
    best: set[str] = set()
    best_gap = float("inf")
    for _, held in folding.split(names, names, groups):
        chosen = {groups[at] for at in held}
        missing = sum(not (those & chosen) or not (those - chosen) for those in classes.values())
        gap = missing + abs(len(held) / len(crops) - share)
        if gap < best_gap:
            best, best_gap = chosen, gap
    return best


def _require_every_class(crops: Sequence[Crop]) -> None:
    for split, many in counts(crops).items():
        for name, count in many.items():
            if count == 0:
                groups = {crop.group for crop in crops if crop.name == name}
                raise UsageError(
                    f"class {name!r} has no crops in {split}: its {sum(c.name == name for c in crops)} crops come from "
                    f"{len(groups)} recordings ({', '.join(sorted(groups)[:3])}); add recordings, set 'group', "
                    "or set test_share: 0"
                )
    missing = {"train", "val"} - {crop.split for crop in crops}
    if missing:
        raise UsageError(f"no crops left for {', '.join(sorted(missing))}: there are too few recordings to divide")
