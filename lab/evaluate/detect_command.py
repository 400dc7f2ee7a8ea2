"""``bartizan evaluate detect``: how good a detector is on labelled pictures, as a report and as JSON."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import typer

from lab.evaluate import detect_options as options
from lab.evaluate.attack import Attack, methods_of
from lab.evaluate.robustness import conditions_of
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lab.evaluate.figures import Figures
    from lab.evaluate.observation import Observation
    from lab.evaluate.truth import Truth
    from lab.evaluate.victim import Target
    from lab.evaluate.vocabulary import Vocabulary
    from lab.report.page import Page
    from stages.detect.yolo import YoloDetector

Conditions: TypeAlias = list[tuple[str, int]]


def detect(
    model: options.ModelArgument,
    dataset: options.DataArgument,
    out: options.OutOption,
    split: options.SplitOption = None,
    labels: options.LabelsOption = None,
    names: options.NamesOption = None,
    mapping: options.MapOption = None,
    classes: options.ClassesOption = "",
    imgsz: options.ImgszOption = 640,
    precision: options.PrecisionOption = "auto",
    device: options.DeviceOption = "auto",
    runtime: options.RuntimeOption = "auto",
    head: options.HeadOption = "one_to_many",
    conf: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="confidence from which a box counts, where one point is asked for")
    ] = 0.25,
    levels: Annotated[
        str, typer.Option(metavar="P,P,...", help="demanded precisions and recalls: what can be had at them")
    ] = "0.8,0.85,0.9,0.95",
    corrupt: Annotated[
        bool, typer.Option("--corrupt", help="also under noise, blur, weather, low light, compression: 5 severities")
    ] = False,
    corruptions: Annotated[str, typer.Option(metavar="A,B,...", help="only these corruptions  [default: all]")] = "",
    severities: Annotated[str, typer.Option(metavar="1,3,5", help="only these severities")] = "1,2,3,4,5",
    attack: Annotated[
        str, typer.Option(metavar="fgsm,pgd,patch", help="also under attack; needs a .pt (the attacker knows it)")
    ] = "",
    attack_limit: Annotated[int, typer.Option(min=2, metavar="N", help="pictures that are attacked")] = 32,
    limit: options.LimitOption = None,
    rounds: options.RoundsOption = 1000,
    seed: options.SeedOption = 0,
) -> None:
    """mAP, precision, recall, F1, curves, calibration, slices and the worst mistakes, with bootstrap intervals.

    Writes report.html, result.json and run.json into --out. Classes are matched by name; where names differ, say
    --map Vehicle=car,bus,truck. Raises ``UsageError``, or ``CannotStart`` for a model that cannot be used.
    """
    asked = {key: str(value) if isinstance(value, Path) else value for key, value in locals().items()}
    demanded = options.numbers_of(levels, "--levels")
    methods = methods_of(options.listed(attack))
    chosen = conditions_of(options.listed(corruptions), options.listed(severities))
    conditions = chosen if corrupt or corruptions else []

    from lab.detector import open_detector
    from lab.evaluate.detect_report import detect_page
    from lab.evaluate.figures import figures
    from lab.evaluate.mistakes import mistakes
    from lab.evaluate.observation import observe
    from lab.evaluate.slices import slices
    from lab.evaluate.truth import read_truth
    from lab.evaluate.victim import targets_of
    from lab.evaluate.vocabulary import match_names

    options.open_out(out)
    weights = options.weights_of(model)
    detector = open_detector(
        weights,
        imgsz=imgsz,
        precision=precision,
        device=device,
        runtime=runtime,
        head=head,
        confidence=options.FLOOR,
    )
    truth = read_truth(
        dataset, split=split, labels=labels, names=names, model_names=detector.names, limit=limit, seed=seed
    )
    vocabulary = match_names(
        detector.names, truth.names, mapping=options.mapping_of(mapping), classes=options.listed(classes)
    )
    observation = observe(detector, truth, vocabulary)
    if not observation.scores.truths():
        raise UsageError(
            f"{dataset}: no labelled object of the classes {', '.join(vocabulary.names)} in these pictures"
        )
    found = figures(observation.scores, vocabulary.names, threshold=conf, levels=demanded, rounds=rounds, seed=seed)
    parts = slices(observation, threshold=conf, rounds=min(rounds, 300), seed=seed)
    made = mistakes(observation, threshold=conf)
    facts = options.shown(
        {
            "weights": weights.name,
            "sha256 of the weights": detector.model["sha256"],
            "engine": detector.engine,
            "data": f"{truth.place}, split {truth.split}",
            "sha256 of the data": truth.sha256(),
            "classes by name": ", ".join(vocabulary.names),
            "map": "; ".join(mapping or ()),
            "bootstrap": f"{rounds} resamples of {len(truth.images)} pictures, seed {seed}",
        }
    )
    page = detect_page(observation, found, parts, made, model=weights.name, data=truth.place, facts=facts)
    result: dict[str, Any] = {"detector": detector.model, "engine": detector.engine, "figures": asdict(found)}
    result |= {"slices": [asdict(part) for part in parts], **_mistaken(observation, made, conf)}
    if conditions:
        result["robustness"] = _robustness(page, detector, truth, observation, conditions, seed)
    if methods:
        targets = targets_of(truth, vocabulary, imgsz=imgsz)
        some = [targets[i] for i in np.sort(np.random.default_rng(seed).permutation(len(targets))[:attack_limit])]
        result["attacks"] = _attacks(page, detector, weights, some, vocabulary, methods, conf, seed)
    _write(out, page, result, asked, truth)
    typer.echo(_summary(found))
    typer.echo(f"report: {out / 'report.html'}")


def _robustness(
    page: "Page", detector: "YoloDetector", truth: "Truth", clean: "Observation", conditions: Conditions, seed: int
) -> dict[str, Any]:
    from lab.evaluate.robustness import add_robustness, robustness

    found = robustness(detector, truth, clean, conditions, seed=seed)
    add_robustness(page, found, truth, seed=seed)
    return asdict(found)


def _attacks(
    page: "Page",
    detector: "YoloDetector",
    weights: Path,
    targets: "list[Target]",
    vocabulary: "Vocabulary",
    methods: tuple[Attack, ...],
    threshold: float,
    seed: int,
) -> dict[str, Any]:
    from lab.evaluate.attack import strengths
    from lab.evaluate.attack_report import add_patch, add_strengths, open_section
    from lab.evaluate.patch import try_patch
    from lab.evaluate.victim import Victim

    victim = Victim(weights, vocabulary)
    open_section(page, len(targets))
    result: dict[str, Any] = {"pictures": len(targets)}
    for method in methods:
        if method == "patch":
            trial, patch, worn = try_patch(detector, victim, targets, vocabulary, threshold=threshold, seed=seed)
            add_patch(page, trial, patch, worn, threshold=threshold)
            result[method] = asdict(trial)
        else:
            found, pictures = strengths(detector, victim, targets, vocabulary, method, threshold=threshold, seed=seed)
            add_strengths(page, method, found, targets, pictures, threshold=threshold)
            result[method] = [asdict(each) for each in found]
    return result


def _mistaken(observation: "Observation", made: Any, threshold: float) -> dict[str, Any]:
    from lab.evaluate.mistakes import confusion, counts_of

    return {
        "mistakes": counts_of(made),
        "confusion": {
            "classes": [*observation.vocabulary.names, "background"],
            "counts": confusion(observation, threshold=threshold).tolist(),
        },
    }


def _write(out: Path, page: "Page", result: dict[str, Any], asked: dict[str, Any], truth: "Truth") -> None:
    from lab.train.run_folder import versions, write_json

    record = {"command": "evaluate detect", "settings": asked, "data_sha256": truth.sha256(), "versions": versions()}
    write_json(out / "run.json", record)
    write_json(out / "result.json", result)
    page.write(out / "report.html")


def _summary(found: "Figures") -> str:
    lines = [f"{found.pictures} pictures, {found.truths} objects of {len(found.classes)} classes"]
    lines += [f"{name:<26}{value}" for name, value in (("mAP50-95", found.map), ("mAP50", found.map50))]
    for title, point in (("", found.chosen), ("best ", found.best)):
        at = f"at {point.threshold:.2f}"
        lines += [f"{title}{name} {at}".ljust(26) + str(value) for name, value in
                  (("precision", point.precision), ("recall", point.recall), ("F1", point.f1))]  # fmt: skip
    lines += [f"recall at P {level:.2f}".ljust(26) + str(value) for level, value in found.recall_at_precision.items()]
    lines.append(f"{'calibration error':<26}{found.calibration_error}")
    return "\n".join(lines)
