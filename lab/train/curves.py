"""Losses and figures of a training run as it goes: a CSV file, a picture, and TensorBoard's event files."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import CannotStart
from pipeline.whole_file import write_whole

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FILE = "curves.csv"
PICTURE = "curves.png"


class Curves:
    """Appends one row for each epoch. A resumed run goes on in the same file, without the epochs it does again.

    Raises ``CannotStart`` if that file is damaged.
    Names with a slash (``loss/train``, ``loss/val``) share the part before it as their chart.
    """

    def __init__(self, folder: Path, *, first_epoch: int = 0, tensorboard: bool = True) -> None:
        self._folder = folder
        self._rows = [row for row in (_read(folder / FILE) if first_epoch else []) if row["epoch"] < first_epoch]
        self._writer: SummaryWriter | None = _writer(folder, first_epoch) if tensorboard else None

    @property
    def rows(self) -> list[dict[str, float]]:
        """What was recorded so far, one mapping for each epoch."""
        return self._rows

    def add(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Record an epoch (counting from 0) and draw the picture anew."""
        self.extend({epoch: figures})

    def extend(self, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """Record several epochs, each with its figures, and draw the picture once."""
        self._rows += [{"epoch": float(epoch), **figures} for epoch, figures in epochs.items()]
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        lines = [",".join(names)]
        lines += [",".join(f"{row[name]:.8g}" if name in row else "" for name in names) for row in self._rows]
        write_whole(self._folder / FILE, ["\n".join([*lines, ""]).encode()], flush=False)
        self._draw([name for name in names if name != "epoch"])
        if self._writer is not None:
            for epoch, figures in epochs.items():
                for name, value in figures.items():
                    self._writer.add_scalar(name, value, epoch)
            self._writer.flush()

    def close(self) -> None:
        """Finish TensorBoard's file."""
        if self._writer is not None:
            self._writer.close()

    def _draw(self, names: list[str]) -> None:
        from matplotlib.figure import Figure

        charts: dict[str, list[str]] = {}
        for name in names:
            charts.setdefault(name.partition("/")[0], []).append(name)
        columns = min(len(charts), 3) or 1
        rows = math.ceil(len(charts) / columns) or 1
        figure = Figure(figsize=(4.2 * columns, 3.0 * rows), layout="constrained")
        for number, (title, lines) in enumerate(charts.items(), 1):
            axes = figure.add_subplot(rows, columns, number)
            for name in lines:
                known = [(row["epoch"], row[name]) for row in self._rows if name in row and math.isfinite(row[name])]
                axes.plot(
                    *zip(*known, strict=True), marker=".", label=name.partition("/")[2] or name
                ) if known else None
            axes.set_title(title)
            axes.set_xlabel("epoch")
            axes.grid(alpha=0.3)
            if len(lines) > 1:
                axes.legend(fontsize="small")
        part = self._folder / f".{PICTURE}.part"
        figure.savefig(part, format="png", dpi=110)
        part.replace(self._folder / PICTURE)


def _read(file: Path) -> list[dict[str, float]]:
    if not file.is_file():
        return []
    try:
        with file.open(newline="") as text:
            rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(text)]
    except (ValueError, TypeError, csv.Error) as error:
        raise CannotStart(f"{file}: damaged, cannot be resumed from ({error}); start in another --out") from error
    if any("epoch" not in row for row in rows):
        raise CannotStart(f"{file}: damaged, cannot be resumed from (no column epoch); start in another --out")
    return rows


def _writer(folder: Path, first_epoch: int) -> "SummaryWriter | None":
    """TensorBoard's writer; None where tensorboard is not installed, the other files are written all the same."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=first_epoch or None)
