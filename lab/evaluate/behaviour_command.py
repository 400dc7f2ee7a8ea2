"""``bartizan evaluate behaviour``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lab.evaluate.behaviour_clips import Tested
    from lab.evaluate.behaviour_recording import Watched
    from lab.train.behaviour.tracks import TrackCutter
    from stages.classify.behaviour import BehaviourModel


def behaviour(
    model: Annotated[Path, typer.Argument(help="folder of a behaviour model: features.onnx and temporal.onnx")],
    data: Annotated[
        Path | None, typer.Argument(help="labelled clips: a folder with one for each class, or a training run's YAML")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for report.html and results.json")] = None,
    normal: Annotated[
        list[Path] | None, typer.Option(help="recording in which nothing happens, to count false alarms; repeatable")
    ] = None,
    video: Annotated[
        list[Path] | None, typer.Option(help="recording to be searched: prints what is found, and when; repeatable")
    ] = None,
    split: Annotated[str, typer.Option(help="of the clips, those of the declared split train or val; or all")] = "all",
    detector: Annotated[Path | None, typer.Option(help="detector's .pt, for a model that looks at tracks")] = None,
    pictures_fps: Annotated[
        float, typer.Option(help="frames a second of folders of pictures; a YAML says its own", min=0.1)
    ] = 25.0,
    threads: Annotated[int, typer.Option(help="processor threads", min=1)] = 1,
) -> None:
    """Judge labelled clips, count false alarms on normal footage, or search a recording; any of them together.

    Raises ``UsageError`` where there is nothing to do, or data that do not fit the model.
    """
    from lab.evaluate.behaviour_recording import watch
    from lab.evaluate.behaviour_report import write_report
    from stages.classify.behaviour import BehaviourModel, BehaviourOptions

    if data is None and not normal and not video:
        raise UsageError("nothing to evaluate: name labelled clips, --normal recordings or a --video")
    loaded = BehaviourModel(BehaviourOptions(model=model, threads=threads))
    cutter = _cutter(loaded, detector)

    def seen(path: Path) -> "Watched":
        if not path.exists():
            raise UsageError(f"{path}: is not there")
        return watch(loaded, path, cutter=cutter, pictures_fps=pictures_fps)

    tested = _tested(loaded, model, data, split, cutter, pictures_fps) if data else None
    quiet = [seen(path) for path in normal or ()]
    searched = [seen(path) for path in video or ()]
    for recording in searched:
        typer.echo(_found(recording, loaded))
    results = _results(loaded, tested, quiet)
    if tested or quiet:
        typer.echo(_table(results))
    if out is not None:
        results["searched"] = {str(each.path.name): [asdict(alarm) for alarm in each.alarms] for each in searched}
        typer.echo(f"report: {write_report(out, loaded, results, tested, [*quiet, *searched])}")


def _cutter(model: "BehaviourModel", detector: Path | None) -> "TrackCutter | None":
    if model.scope == "scene":
        return None
    if detector is None:
        raise UsageError("the model looks at tracks: name the detector that finds them with --detector")
    from lab.train.behaviour.tracks import TrackCutter

    return TrackCutter(detector, margin=model.margin)


def _tested(
    model: "BehaviourModel",
    folder: Path,
    data: Path,
    split: str,
    cutter: "TrackCutter | None",
    pictures_fps: float,
) -> "Tested":
    from lab.evaluate.behaviour_clips import judge_clips, read_data
    from lab.train.behaviour.clips import read_clips
    from lab.train.behaviour.training import progress

    if split not in ("all", "train", "val"):
        raise UsageError(f"--split {split}: must be all, train or val")
    wanted, base = read_data(data, pictures_fps=pictures_fps)
    clips = [clip for clip in read_clips(wanted, model.names, base=base) if split in ("all", clip.origin.split)]
    if not clips:
        raise UsageError(f"{data}: declares no clip for the split {split}")
    with progress(len(clips), "clips judged") as step:
        return judge_clips(model, folder, clips, cutter=cutter, pictures_fps=wanted.pictures_fps, step=step)


def _results(model: "BehaviourModel", tested: "Tested | None", quiet: "Sequence[Watched]") -> dict[str, Any]:
    from lab.evaluate.behaviour import FIGURES, LEVELS
    from lab.evaluate.behaviour_recording import alarms_at, per_hour

    results: dict[str, Any] = {
        "model": model.model,
        "engine": model.engine,
        "thresholds": dict(zip(model.names, model.thresholds, strict=True)),
    }
    if tested is not None:
        results["figures"] = {name: asdict(tested.judged.interval(name)) for name in FIGURES}
        results["confusion"] = tested.judged.confusion().tolist()
        results["clips"], results["sources"] = len(tested.clips), tested.judged.sources
        results["windows"] = len(tested.judged.truth)
        results["trained_on"] = list(tested.known)
    if quiet:
        rows = [
            {
                "recording": each.path.name,
                "minutes": each.seconds / 60,
                "windows": each.windows,
                "flagged": each.flagged(model.thresholds),
                "alarms": len(each.alarms),
            }
            for each in quiet
        ]
        seconds, alarms = sum(each.seconds for each in quiet), sum(len(each.alarms) for each in quiet)
        results["normal"] = {
            "recordings": rows,
            "per_hour": per_hour(alarms, seconds),
            "minutes": seconds / 60,
            "levels": {level: per_hour(alarms_at(quiet, level), seconds) for level in LEVELS}
            if len(model.names) == 2
            else {},
        }
    return results


def _table(results: dict[str, Any]) -> str:
    lines = []
    if "figures" in results:
        lines.append(f"{results['windows']} windows of {results['clips']} clips from {results['sources']} sources")
        lines += [
            f"{name:<18}{value['value']:8.3f}  [{value['low']:.3f}, {value['high']:.3f}]"
            for name, value in results["figures"].items()
        ]
        if results["trained_on"]:
            lines.append(
                f"NO TEST: the model was trained on {len(results['trained_on'])} of these {results['clips']} clips; "
                "its figures on sources never seen are in the report of its training"
            )
    if "normal" in results:
        for row in results["normal"]["recordings"]:
            lines.append(
                f"normal {row['recording']}: {row['minutes']:.1f} min, {row['flagged']} of {row['windows']} windows "
                f"flagged, {row['alarms']} alarms"
            )
        rate, low, high = results["normal"]["per_hour"]
        minutes = results["normal"]["minutes"]
        lines.append(f"false alarms an hour: {rate:.1f} [{low:.1f}, {high:.1f}] from {minutes:.1f} minutes")
        for level, (rate, low, high) in results["normal"]["levels"].items():
            lines.append(f"  with threshold {level:.2f}: {rate:.1f} [{low:.1f}, {high:.1f}]")
    return "\n".join(lines)


def _found(watched: "Watched", model: "BehaviourModel") -> str:
    if not watched.alarms:
        return f"{watched.path.name}: nothing found in {watched.seconds:.1f} s ({watched.windows} windows)"
    lines = [f"{watched.path.name}: {watched.seconds:.1f} s, {watched.windows} windows"]
    for alarm in watched.alarms:
        who = f"  track {alarm.track_id}" if model.scope == "track" else ""
        name = model.names[alarm.class_id]
        lines.append(f"  {alarm.start_s:7.1f} s to {alarm.end_s:7.1f} s  {name}  {alarm.peak:.2f}{who}")
    return "\n".join(lines)
