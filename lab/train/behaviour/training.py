"""``bartizan train behaviour``: from clips to a model, its proof, and what chance alone would have reached."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import typer

from lab.evaluate.behaviour_clips import TRAINED_ON
from lab.train.behaviour.clips import Clip, read_clips
from lab.train.behaviour.feature_cache import FeatureCache
from lab.train.behaviour.features import Features, build_features, only
from lab.train.behaviour.fit import Fitted, fit, logits_of
from lab.train.behaviour.folds import Outcome, judged, of_candidate, outcomes, preferred
from lab.train.behaviour.sequences import Sequence as Run
from lab.train.behaviour.sequences import sequences_of
from lab.train.behaviour.settings import BehaviourSettings, Part
from lab.train.behaviour.tracks import TrackCutter
from lab.train.behaviour.windows import Windows, gather
from lab.train.curves import Curves
from lab.train.run_folder import add_to_run, asked_of, check_run, digest_of, digest_of_data, open_run, write_json
from pipeline.errors import UsageError

MODEL = "model"
FOLDS = "folds"


def train(settings: BehaviourSettings, out: Path, *, base: Path = Path("."), resume: bool = False) -> None:
    """Compare the candidates, choose one, train it on everything, export it; all into the folder ``out``.

    Paths in the settings are looked for from ``base``. Raises ``UsageError`` for data that do not suffice,
    ``CannotStart`` for weights that cannot be used.
    """
    import torch

    from lab.train.behaviour.results import write_results
    from stages.detect.offline import cache_folder, switch_off_network_features

    switch_off_network_features()
    torch.set_num_threads(settings.threads)
    clips = read_clips(settings.data, settings.names, base=base)
    asked = asked_of(settings, data_sha256=digest_of_clips(clips, settings.names), weights=_weights(settings, base))
    check_run(out, asked, resume=resume)
    features = build_features(settings, _needed(settings), base=base)
    if settings.uses("backbone") and settings.backbone.weights is None:
        typer.echo(f"backbone {settings.backbone.name} has no weights: it starts from chance")
    cache = FeatureCache(cache_folder() / "behaviour-features", features, threads=settings.threads)
    windows = _windows(clips, cache, features, settings, base)
    which = np.flatnonzero(~windows.held)
    _check(windows, which, settings)
    open_run(out, asked, resume=resume)
    found = _compare(windows, which, settings, out)
    best = next(each for each in settings.candidates if each.name == preferred(found))
    mine = of_candidate(found, best.name)
    epochs = int(np.median([each.epochs for each in mine]))
    rows = windows.of(best)
    fitted = fit(best, windows, windows.truth, settings, train=which, epochs=epochs, seed=settings.seed)
    _draw(out, fitted, mine)
    temperature, thresholds = settle(windows, mine)
    from lab.train.behaviour.export import export

    digests = export(
        out / MODEL,
        only(features, best.parts),
        fitted.network,
        settings,
        candidate=best.name,
        temperature=temperature,
        thresholds=thresholds,
    )
    trained = [clip for clip in clips if clip.origin.split != "val"]
    write_json(out / MODEL / TRAINED_ON, {clip.name: digest_of(clip.files) for clip in trained})
    held = np.flatnonzero(windows.held)
    results = write_results(
        out,
        windows,
        which,
        found,
        settings,
        best=best,
        epochs=epochs,
        held=(held, logits_of(fitted.network, rows, held)),
        calibration=(temperature, thresholds),
    )
    add_to_run(out, {"candidate": best.name, "epochs": epochs, "model_sha256": digests, "results": results})


def read_windows(settings: BehaviourSettings, *, base: Path = Path(".")) -> Windows:
    """The windows that ``train`` compares the candidates on; their features are kept from one time to the next."""
    from stages.detect.offline import cache_folder

    clips = read_clips(settings.data, settings.names, base=base)
    features = build_features(settings, _needed(settings), base=base)
    cache = FeatureCache(cache_folder() / "behaviour-features", features, threads=settings.threads)
    return _windows(clips, cache, features, settings, base)


def read_outcomes(out: Path) -> list[Outcome]:
    """What the candidates said of the folds in a folder that ``train`` filled."""
    files = sorted((out / FOLDS).glob("*.json"))
    return [msgspec.json.decode(file.read_bytes(), type=Outcome) for file in files]


def digest_of_clips(clips: Sequence[Clip], names: Sequence[str]) -> str:
    """SHA-256 over the clips and over what is said of each: class, intervals, source and declared split."""
    said = ((clip.class_id, clip.intervals, clip.origin.group, clip.origin.split, clip.name) for clip in clips)
    return digest_of_data(zip(said, (clip.files for clip in clips), strict=True), names)


def settle(windows: Windows, mine: list[Outcome]) -> tuple[float, tuple[float, ...]]:
    """Temperature and thresholds of the final model, from the tests of one candidate in all folds."""
    from lab.evaluate.behaviour import best_thresholds
    from lab.train.behaviour.calibration import best_temperature, softened

    test = np.concatenate([np.array(each.test) for each in mine])
    logits = np.concatenate([np.array(each.logits) for each in mine])
    temperature = best_temperature(logits, windows.truth[test])
    return temperature, best_thresholds(softened(logits, temperature), windows.truth[test])


@contextmanager
def progress(total: int, what: str) -> Iterator["Step"]:
    """A bar on a terminal; else a line at every fifth of the way."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console()
    if not console.is_terminal:
        yield Step(total, what)
        return
    with Progress(console=console) as bar:
        task = bar.add_task(what, total=total)
        yield Step(total, what, lambda: bar.advance(task))


class Step:
    """Counts what is done."""

    def __init__(self, total: int, what: str, advance: object = None) -> None:
        self._total, self._what, self._advance = total, what, advance
        self._done = 0

    def __call__(self) -> None:
        """One more is done."""
        self._done += 1
        if callable(self._advance):
            self._advance()
        elif self._done == self._total or self._done * 5 // self._total > (self._done - 1) * 5 // self._total:
            typer.echo(f"{self._what}: {self._done} of {self._total}")


def _needed(settings: BehaviourSettings) -> list[Part]:
    order: tuple[Part, ...] = ("detector", "backbone", "motion", "pixels")
    return [name for name in order if settings.uses(name)]


def _weights(settings: BehaviourSettings, base: Path) -> dict[str, Path]:
    """The files of weights that the settings name and that this run uses."""
    from lab.settings import beside

    found = {}
    if settings.detector is not None and (settings.uses("detector") or settings.scope == "track"):
        found["detector"] = beside(base / "_", settings.detector)
    if settings.backbone.weights is not None and settings.uses("backbone"):
        found["backbone.weights"] = beside(base / "_", settings.backbone.weights)
    return found


def _windows(
    clips: Sequence[Clip], cache: FeatureCache, features: Features, settings: BehaviourSettings, base: Path
) -> Windows:
    from lab.settings import beside

    cutter = None
    if settings.scope == "track" and settings.detector is not None:
        cutter = TrackCutter(beside(base / "_", settings.detector), margin=settings.margin)
    runs: list[Run] = []
    with progress(len(clips), "clips read") as step:
        for clip in clips:
            made = sequences_of(clip, settings, cutter)
            if not made:
                typer.echo(f"{clip.path.name}: shorter than a window, or nobody to be seen; left out")
            runs += made
            step()
    if not runs:
        needed = settings.frames / settings.fps
        raise UsageError(
            f"{settings.data.clips}: no clip is as long as a window, {settings.frames} pictures ({needed:.1f} s)"
        )
    with progress(len(runs), "features computed") as step:
        return gather(runs, cache, settings, features.widths, step=step)


def _check(windows: Windows, which: npt.NDArray[np.int64], settings: BehaviourSettings) -> None:
    counts = np.bincount(windows.truth[which], minlength=len(settings.names))
    sources = len(np.unique(windows.source[which]))
    shown = ", ".join(f"{name} {count}" for name, count in zip(settings.names, counts, strict=True))
    typer.echo(f"{len(which)} windows to learn from ({shown}), of {sources} sources")
    for class_id, name in enumerate(settings.names):
        if len(np.unique(windows.source[which][windows.truth[which] == class_id])) < 2:
            raise UsageError(
                f"{name}: windows of two sources at least are needed, one to learn from and one to test on"
            )


def _compare(windows: Windows, which: npt.NDArray[np.int64], settings: BehaviourSettings, out: Path) -> list[Outcome]:
    """All candidates in all folds. Each outcome is a file, so that an interrupted run goes on where it was."""
    folder = out / FOLDS
    folder.mkdir(exist_ok=True)

    def file(name: str, fold: int) -> Path:
        return folder / f"{fold:02d}-{name.replace('/', '-')}.json"

    def known(name: str, fold: int) -> Outcome | None:
        try:
            return msgspec.json.decode(file(name, fold).read_bytes(), type=Outcome)
        except (OSError, msgspec.DecodeError):
            return None

    from lab.train.behaviour.folds import splits

    total = len(splits(windows, which, folds=settings.folds, seed=settings.seed)) * len(settings.candidates)
    found = []
    with progress(total, "candidates tried") as step:
        for outcome in outcomes(windows, which, settings, known=known):
            write_json(file(outcome.candidate, outcome.fold), outcome)
            found.append(outcome)
            step()
    for name in dict.fromkeys(each.candidate for each in found):
        typer.echo(f"{name:<28} ROC-AUC {judged(windows, of_candidate(found, name)).figure('roc_auc'):.3f}")
    return found


def _draw(out: Path, fitted: Fitted, mine: list[Outcome]) -> None:
    epochs = {}
    for epoch, loss in enumerate(fitted.train_loss):
        known = [each.curve[epoch] for each in mine if epoch < len(each.curve)]
        epochs[epoch] = {"loss/train": loss} | ({"loss/val (mean of folds)": float(np.mean(known))} if known else {})
    curves = Curves(out)
    curves.extend(epochs)
    curves.close()
