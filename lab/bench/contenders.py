"""Which runtimes and precisions a model can be tried on here."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.configuration.suggestions import did_you_mean
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from stages.detect.yolo import YoloDetector


@dataclass(frozen=True, slots=True)
class Contender:
    """A model on one runtime, in one precision."""

    model: Path
    device: str
    runtime: str
    precision: str

    @property
    def label(self) -> str:
        """A name for tables."""
        return f"{self.model.name} {self.runtime} {self.precision}" + (" cuda" if self.device == "cuda" else "")

    def open(self, **options: Any) -> "YoloDetector":
        """Its detector. Raises ``CannotStart``."""
        from lab.detector import open_detector

        chosen = {"device": self.device, "runtime": self.runtime, "precision": self.precision}
        return open_detector(self.model, **chosen, **options)


def contenders_of(
    models: Sequence[Path], *, runtimes: Sequence[str] = (), precisions: Sequence[str] = ()
) -> list[Contender]:
    """All that this machine has and these models can be run on, the float32 ones of a model first.

    ``runtimes`` and ``precisions`` leave only those; empty leaves all. Precisions that a processor would only pretend
    to have are left out. Raises ``CannotStart`` for a file that is no model, ``UsageError`` for names that nothing has
    or that leave nothing.
    """
    from stages.detect.options import PRECISIONS

    _check("--runtime", runtimes, {runtime for runtime, _ in PRECISIONS})
    _check("--precision", precisions, {precision for those in PRECISIONS.values() for precision in those})
    possible = {model: sorted(_possible(model), key=lambda one: one.precision != "f32") for model in models}
    found = [
        contender
        for contenders in possible.values()
        for contender in contenders
        if (not runtimes or contender.runtime in runtimes) and (not precisions or contender.precision in precisions)
    ]
    if not found:
        there = sorted({f"{one.runtime} {one.precision}" for contenders in possible.values() for one in contenders})
        raise UsageError(f"nothing to try: of these models this machine can run {', '.join(there)}")
    return found


def _check(option: str, given: Sequence[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise UsageError(f"{option} {name!r}: there are {', '.join(sorted(known))}{did_you_mean(name, known)}")


def _possible(model: Path) -> Iterator[Contender]:
    from stages.detect.hardware import has_bf16, has_cuda, has_tensorrt
    from stages.detect.model_file import form_of, is_quantised
    from stages.detect.options import PRECISIONS
    from stages.detect.resolve import RUNTIMES

    there = {"cpu": True, "cuda": has_cuda()}
    runs_on, quantised = RUNTIMES[form_of(model)], is_quantised(model)
    for (runtime, device), precisions in PRECISIONS.items():
        if runtime not in runs_on or not there[device] or (runtime == "tensorrt" and not has_tensorrt()):
            continue
        for precision in precisions:
            if (precision == "int8") != quantised or (precision == "bf16" and device == "cpu" and not has_bf16()):
                continue
            yield Contender(model, device, runtime, precision)
