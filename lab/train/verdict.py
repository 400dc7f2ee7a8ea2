"""What a training run came to, in one line, and a warning where it came to nothing."""

from pathlib import Path

import typer


def say_verdict(
    model: Path, origin: str, figure: str, *, reached: float, start: float, known_as: str = "the start"
) -> None:
    """Say where the model lies, which training it holds (``origin``), and what ``figure`` gained over the start.

    A model that gained nothing is written all the same, so it is warned of on the standard error. ``known_as``: what
    ``start`` is the figure of. A figure that is not a number counts as no gain.
    """
    typer.echo(
        f"model: {model}; {origin}; {figure} {reached:.4f}, {reached - start:+.4f} against {known_as} ({start:.4f})"
    )
    if not reached > start:
        typer.echo(
            f"warning: nothing was gained: {model.name} ({origin}) is no better than {known_as} by {figure}; "
            "do not deploy it before trying other data, or another learning rate or number of epochs",
            err=True,
        )
