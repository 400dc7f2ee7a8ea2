"""``bartizan evaluate classify``: how good a classifier of crops is, as a report and as JSON."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lab.evaluate import detect_options as options
from pipeline.errors import UsageError


def classify(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="model.onnx of 'bartizan train classify', or a gallery")
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="a folder for each class, or a run's crops.csv")],
    out: options.OutOption,
    split: Annotated[str, typer.Option(metavar="NAME", help="of a crops.csv: train, val or test")] = "test",
    corrupt: Annotated[bool, typer.Option("--corrupt", help="also under noise, blur, weather, low light")] = False,
    severity: Annotated[int, typer.Option(min=1, max=5, help="how bad that is")] = 3,
    attack: Annotated[
        str, typer.Option(metavar="fgsm,pgd", help="also under attack; needs model.safetensors beside the model")
    ] = "",
    eps: Annotated[float, typer.Option(min=0.1, max=64, help="largest change of a pixel by an attack, of 255")] = 4.0,
    against: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="the one in use: exit code 1 unless MODEL is shown to be no worse"),
    ] = None,
    tolerance: Annotated[float, typer.Option(min=0, max=1, help="by how much its accuracy may be lower")] = 0.02,
    runtime: Annotated[str, typer.Option(help="openvino or onnxruntime")] = "openvino",
    precision: Annotated[str, typer.Option(help="f32, or with openvino bf16")] = "f32",
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="only N crops, drawn by --seed")] = None,
    rounds: options.RoundsOption = 1000,
    seed: options.SeedOption = 0,
) -> None:
    """Accuracy, precision, recall, F1, curves, calibration, slices and the worst mistakes, with intervals.

    Writes report.html, result.json and run.json into --out. With --against, exit code 1 if it may not take the
    other's place, or if the crops cannot tell. Raises ``UsageError``, or ``CannotStart`` for a model
    that cannot be used.
    """
    asked = {key: str(value) if isinstance(value, Path) else value for key, value in locals().items()}
    attacks = options.listed(attack)
    if unknown := sorted(set(attacks) - {"fgsm", "pgd"}):
        raise UsageError(f"--attack {','.join(unknown)}: known are fgsm, pgd")

    from lab.evaluate.classify import measure
    from lab.evaluate.classify_conditions import attacked, corrupted, sliced
    from lab.evaluate.classify_gate import compare
    from lab.evaluate.classify_report import page_of
    from lab.evaluate.classify_trial import Trial, open_model, truth_of
    from lab.evaluate.compare import judge, said
    from lab.train.classify.training import digest_of_crops
    from lab.train.run_folder import versions, write_json

    options.open_out(out)
    classifier = open_model(options.weights_of(model), runtime=runtime, precision=precision)
    crops = truth_of(data, classifier.names, split=split, limit=limit, seed=seed)
    trial = Trial(classifier, crops)
    figures = measure(trial.answers, rounds=rounds, seed=seed)
    gate = None
    if against is not None:
        used = open_model(options.weights_of(against), runtime=runtime, precision=precision)
        if set(used.names) != set(classifier.names):
            raise UsageError(f"--against {against}: knows other classes: {', '.join(used.names)}")
        gate = compare(Trial(used, crops).answers, trial.answers, rounds=rounds, seed=seed)
    parts = sliced(trial)
    bad = corrupted(trial, severity=severity, seed=seed) if corrupt else {}
    fooled = attacked(trial, options.weights_of(model), attacks, eps_255=eps, seed=seed) if attacks else {}
    sha256 = digest_of_crops(crops)
    facts = options.shown(
        {
            "model": classifier.model["name"],
            "sha256 of the model": classifier.model["sha256"],
            "engine": classifier.engine,
            "data": f"{data.name}{f', split {split}' if data.suffix == '.csv' else ''}",
            "sha256 of the data": sha256,
            "bootstrap": f"{rounds} resamples of {figures.units} {figures.unit}s, seed {seed}",
        }
    )
    page_of(trial, figures, parts, bad, fooled, severity=severity, eps=eps, facts=facts).write(out / "report.html")
    result: dict[str, Any] = {"model": classifier.model, "engine": classifier.engine, "figures": figures}
    result |= {"slices": parts, "corruptions": bad, "attacks": fooled}
    if gate is not None:
        result |= {"against": {"accuracy": gate.a, "difference": gate.difference, "tolerance": tolerance}}
    write_json(out / "result.json", result)
    write_json(
        out / "run.json",
        {"command": "evaluate classify", "settings": asked, "data_sha256": sha256, "versions": versions()},
    )
    typer.echo(f"{figures.crops} crops; intervals over {figures.units} {figures.unit}s")
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "calibration_error"):
        typer.echo(f"{name.replace('_', ' '):<20}{getattr(figures, name)}")
    typer.echo(f"most frequent class {figures.baseline} accuracy; the model has {figures.gain} more")
    for name, each in figures.classes.items():
        typer.echo(f"{name:<20}precision {each.precision}  recall {each.recall}  AUC {each.auc:.3f}  ({each.crops})")
    for name, interval in (bad | fooled).items():
        typer.echo(f"{name:<20}{interval}")
    typer.echo(f"report: {out / 'report.html'}")
    if gate is not None:
        verdict = judge(gate.difference, tolerance=tolerance)
        typer.echo(
            said(
                verdict,
                gate,
                tolerance=tolerance,
                pictures=figures.crops,
                independent=figures.units,
                each="crop",
            )
        )
        if verdict != "not worse":
            raise typer.Exit(1)
