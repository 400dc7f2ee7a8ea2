"""``bartizan learn``: from normal footage to a model of normal with a threshold for a number of false alarms."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lab.normal.examples import Album
from lab.normal.footage import Watched, clips_of, is_run, watch_clips, watch_run
from lab.normal.keeping import check_folder, feedback_in_use, keep
from lab.normal.learning import Learned, learn
from lab.normal.telling import counts
from lab.normal.words import advised_mode, clips, lasting, promise
from pipeline.errors import UsageError
from pipeline.stage import Detector
from stages.alert.normal.counting import Counting
from stages.alert.normal.feedback import Feedback, read_feedback
from stages.alert.normal.store import Stored
from stages.capture.options import CameraOptions

USUAL = Counting()
LINE_EVERY = 1000
"""Frames between two lines of progress where there is no terminal."""


def learn_normal(
    footage: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOOTAGE...",
            help="Recordings and folders of pictures in which nothing unusual happens, or the results of a run; "
            "default: the source of --camera in --config.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the camera's model of normal.")] = None,
    camera: Annotated[str, typer.Option(metavar="NAME", help="The camera; default: the name of DIR.")] = "",
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Configuration with that camera: its masks and its detector count."),
    ] = None,
    model: Annotated[str, typer.Option(help="Name or file of the detector, as `detect.model`.")] = "",
    fps: Annotated[float, typer.Option(min=0.1, max=240, help="Pictures a second in a folder of them.")] = 10.0,
    false_alarms_per_day: Annotated[
        float, typer.Option(min=1e-6, max=1e5, help="How many false alarms a day you accept; only printed here.")
    ] = 2.0,
    enter_inertia_s: Annotated[float, typer.Option(min=0, max=3600, help="As the rule's.")] = USUAL.enter_s,
    exit_inertia_s: Annotated[float, typer.Option(min=0, max=3600, help="As the rule's.")] = USUAL.exit_s,
    rearm_s: Annotated[float, typer.Option(min=0, max=86400, help="As the rule's.")] = USUAL.rearm_s,
    appearance: Annotated[
        bool | None,
        typer.Option(
            help="Learn what objects look like, too, by the detector's vectors; default: where it gives them "
            "(`embedding: true`). The run must have them as well.",
        ),
    ] = None,
    examples: Annotated[
        bool, typer.Option(help="Keep a few dozen crops of what is normal, for 'bartizan why'; people may be on them.")
    ] = True,
    ordinary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="Of a run: events of this rule are daily life, or were false alarms: learn from them. Repeatable.",
        ),
    ] = None,
    feedback: Annotated[
        bool, typer.Option(help="Keep what was said about alarms (bartizan normal feedback) with the model before.")
    ] = True,
) -> None:
    """Learn what is normal on one camera, and what a number of false alarms a day makes the threshold.

    Footage must be normal: what is in it will not be reported. Of the results of a run what alarmed is left out. A
    minute is the least; a day is what one false alarm a day needs.
    """
    if out is None:
        raise UsageError("--out DIR: say where the camera's model of normal is to be, such as normal/gate")
    name = camera or out.resolve().name
    check_folder(out, name)
    album = Album()
    chosen = footage or []
    if len(chosen) == 1 and is_run(chosen[0]):
        if config is not None or model:
            raise UsageError(
                f"{chosen[0]}: a run was made with its own configuration and detector; leave out --config and --model"
            )
        said = feedback_in_use(out) if feedback else Feedback()
        watched = _watch_run(chosen[0], name, ordinary or [], said, appearance=bool(appearance))
    elif ordinary:
        raise UsageError("--ordinary RULE: is for the results of a run; recordings have no events")
    else:
        watched = _watch(chosen, name, config, model, fps, album if examples else None, appearance)
    if appearance is False:
        watched = watched.without_looks()
    counting = Counting(enter_inertia_s, exit_inertia_s, rearm_s)
    with _frames("learning, parts") as advance:
        learned = learn(
            watched.clips, names=watched.names, detector=watched.detector, counting=counting, advance=advance
        )
    crops = album.examples(watched.clips, watched.names)
    embedder = watched.detector if "appearance" in learned.model.features else ""
    stored = keep(
        out,
        name,
        learned.model,
        learned.calibration,
        learned.footage,
        exemplars=crops,
        embedder=embedder,
        with_feedback=feedback,
    )
    _conclude(stored, learned, watched, out, false_alarms_per_day)
    if embedder and config is None:
        typer.echo("  stages:\n    detect: {kind: yolo, embedding: true}  # so that appearance can be judged")
    elif appearance and not embedder:
        typer.echo("  appearance was not learned: too few objects were seen well")


def _watch_run(out: Path, camera: str, ordinary: list[str], feedback: Feedback, *, appearance: bool) -> Watched:
    seen = watch_run(out, camera, ordinary=ordinary, feedback=feedback)
    if appearance and not seen.has_looks:
        raise UsageError(f"--appearance: the detector of the run in {out} gave no vectors (`embedding: true`)")
    return seen


def _watch(
    footage: list[Path],
    camera: str,
    config: Path | None,
    model: str,
    fps: float,
    album: Album | None,
    appearance: bool | None,
) -> Watched:
    options, detector = _as_configured(config, camera, model, appearance=bool(appearance))
    found: list[Path | CameraOptions] = list(clips_of(footage))
    if not footage:
        if options is None:
            raise UsageError("name FOOTAGE to learn from, or --config FILE with a camera whose source is a recording")
        if options.live:
            raise UsageError(
                f"--camera {camera}: is live; record it first, or run it with a rule that needs motion and learn from "
                "the results folder"
            )
        found = [options]
    with _frames("looking, frames") as advance:
        watching = detector if album is None else album.over(detector)
        return watch_clips(found, watching, fps=fps, camera=options, advance=advance)


def _as_configured(
    config: Path | None, camera: str, model: str, *, appearance: bool
) -> tuple[CameraOptions | None, Detector]:
    from lab.detector import open_detector
    from stages.detect.options import YoloOptions

    if config is None:
        return None, open_detector(model or YoloOptions().model, embedding=appearance)
    from pipeline.build import build_detector
    from pipeline.configuration.loading import load_config
    from pipeline.configuration.suggestions import did_you_mean, listed
    from pipeline.run import resolved

    if model:
        raise UsageError("--model: the configuration names the detector; leave one of both out")
    loaded = load_config(config)
    if camera not in loaded.cameras:
        near = did_you_mean(camera, loaded.cameras) or ","
        raise UsageError(f"--camera {camera}: {config} has no such camera{near} allowed: {listed(loaded.cameras)}")
    options = loaded.cameras[camera]
    assert isinstance(options, CameraOptions)
    detector = build_detector(resolved(loaded))
    if appearance and "embedding" not in detector.engine:
        raise UsageError(
            f"--appearance: the detector of {config} gives no vectors; write `embedding: true` under stages, detect"
        )
    return options, detector


def _conclude(stored: Stored, learned: Learned, watched: Watched, out: Path, budget: float) -> None:
    footage, calibration = learned.footage, learned.calibration
    typer.echo(
        f"learned {lasting(footage.seconds)} of normal footage: {clips(footage)}; "
        f"features: {', '.join(stored.manifest.features)}"
    )
    for each in watched.left_out:
        typer.echo(f"  left out: {each}")
    for line in promise(calibration, budget):
        typer.echo(f"  {line}")
    if (said := read_feedback(stored)).given:
        typer.echo(f"  keeps what was said about alarms: {counts(said)}; --no-feedback leaves it out")
    typer.echo(f"{out}: generation {stored.manifest.generation}, {size_kb(stored)} kB, sha256 {stored.digest[:12]}")
    typer.echo("next, in your configuration:")
    mode = advised_mode(calibration, budget)
    remark = "  # says in the log what it would raise; then armed" if mode == "shadow" else ""
    typer.echo(
        f"  rules:\n    - rule: anomaly\n      cameras: [{stored.manifest.camera}]\n      normal: {out}\n"
        f"      false_alarms_per_day: {budget:g}\n      mode: {mode}{remark}"
    )


def size_kb(stored: Stored) -> int:
    """Of one generation on the disk, crops included."""
    return max(round(sum(each.stat().st_size for each in stored.path.rglob("*") if each.is_file()) / 1000), 1)


@contextmanager
def _frames(what: str) -> Iterator["_Advance"]:
    """Progress without a known end: a spinner and a count on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _Advance(what)
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what)
        yield _Advance(what, lambda steps: bar.advance(task, steps))


class _Advance:
    """Counts steps and shows them."""

    def __init__(self, what: str, shown: Callable[[int], None] | None = None) -> None:
        self._what = what
        self._shown = shown
        self._steps = 0

    def __call__(self, steps: int) -> None:
        self._steps += steps
        if self._shown is not None:
            self._shown(steps)
        elif self._steps % LINE_EVERY == 0:
            typer.echo(f"{self._what}: {self._steps}", err=True)
