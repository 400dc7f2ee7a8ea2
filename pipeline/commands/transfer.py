"""How far a transfer is: a bar on a terminal, a line for every tenth elsewhere."""

from types import TracebackType
from typing import Self

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


class Transfer:
    """To be used in a ``with``; told by ``show`` how far it is."""

    def __init__(self, name: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._progress = Progress(*columns, transient=True)
        self._task = self._progress.add_task(name, total=None)
        self._name = name
        self._tenths = 0

    def __enter__(self) -> Self:
        if self._progress.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, done: int, total: int) -> None:
        """So many bytes are here, of ``total``; 0 if that is not known."""
        if self._progress.console.is_terminal:
            self._progress.update(self._task, completed=done, total=total or None)
        elif total and done * 10 // total > self._tenths:
            self._tenths = done * 10 // total
            typer.echo(f"{self._name} {10 * self._tenths} %")
