"""Arguments that the commands around detectors share, and how their text is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from lab.dataset.arguments import pairs_of
from pipeline.errors import UsageError
from pipeline.models.lookup import find, is_name

ModelArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="MODEL", help="weights: .pt, OpenVINO folder, or a name (bartizan models list)")
]
DataArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DATASET", help="labelled pictures: a YOLO data set's folder or YAML")
]
SplitOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="which split, or all  [default: val if there is one]")
]
LabelsOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="DIR", help="label files, where they do not lie beside the pictures of DATASET")
]
NamesOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="FILE|coco|model", help="what the class numbers mean, where the data set does not say"),
]
MapOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="NAME=CLASS,...", help="classes of the model that a class of the truth stands for"),
]
ClassesOption: TypeAlias = Annotated[
    str, typer.Option(metavar="A,B,...", help="measure only these classes of the truth  [default: all]")
]
ImgszOption: TypeAlias = Annotated[int, typer.Option(metavar="PX", help="longer side that the model sees")]
PrecisionOption: TypeAlias = Annotated[str, typer.Option(help="numbers it computes in: auto, f32, bf16, f16, int8")]
DeviceOption: TypeAlias = Annotated[str, typer.Option(help="auto, cpu or cuda")]
RuntimeOption: TypeAlias = Annotated[str, typer.Option(help="auto, openvino, onnxruntime, torch")]
HeadOption: TypeAlias = Annotated[str, typer.Option(help="of a model with two heads: one_to_many or one_to_one")]
LimitOption: TypeAlias = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="only N pictures, drawn by --seed")
]
RoundsOption: TypeAlias = Annotated[int, typer.Option(min=10, max=100_000, help="bootstrap resamples")]
SeedOption: TypeAlias = Annotated[int, typer.Option(min=0, help="of every random draw")]
OutOption: TypeAlias = Annotated[Path, typer.Option("--out", metavar="DIR", help="folder of the report")]

FLOOR = 0.001
"""Boxes at or below this confidence are dropped: low, as average precision wants the whole curve."""


def weights_of(model: str) -> Path:
    """The file that a name or a path means. Raises ``UsageError`` or ``CannotStart`` if there is none."""
    return find(model) if is_name(model) else Path(model)


def mapping_of(texts: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """``NAME=A,B`` texts as a table. Raises ``UsageError``."""
    mapping = {}
    for name, classes in pairs_of(texts).items():
        wanted = tuple(each.strip() for each in classes.split(",") if each.strip())
        if not wanted:
            raise UsageError(f"--map {name}=: name at least one class of the model")
        mapping[name] = wanted
    return mapping


def listed(text: str) -> tuple[str, ...]:
    """``A,B`` as names; nothing for an empty text."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def numbers_of(text: str, option: str) -> tuple[float, ...]:
    """``0.8,0.9`` as shares between 0 and 1. Raises ``UsageError``."""
    try:
        numbers = tuple(float(part) for part in listed(text))
    except ValueError:
        raise UsageError(f"{option} {text!r}: expected numbers with commas between them") from None
    if not numbers or not all(0 < number <= 1 for number in numbers):
        raise UsageError(f"{option} {text!r}: expected shares above 0, up to 1, such as 0.85,0.9")
    return numbers


def open_out(out: Path) -> None:
    """Make the folder of a report. Raises ``UsageError`` where that cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made: {error.strerror}") from error


def shown(settings: dict[str, Any]) -> dict[str, str]:
    """Settings as words, without those that were not given."""
    return {name: str(value) for name, value in settings.items() if value not in (None, "", [], ())}
