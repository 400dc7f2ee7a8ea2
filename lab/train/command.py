"""``bartizan train``: teach a network the user's own site."""

from pathlib import Path
from typing import Annotated

import typer

from lab.settings import load
from lab.train.classify.few_shot_command import few_shot

app = typer.Typer(help="Teach a network from annotated footage. Each takes one YAML file.", no_args_is_help=True)

Config = Annotated[Path, typer.Argument(help="YAML file that says what to train, on what, and how")]
Out = Annotated[Path | None, typer.Option(help="folder for everything the run makes; default: out/train/NAME")]
Resume = Annotated[bool, typer.Option("--resume", help="go on with the interrupted run in that folder")]


@app.callback()
def train_group() -> None:
    """Teach a network from annotated footage."""


@app.command()
def detect(config: Config, out: Out = None, resume: Resume = False) -> None:
    """Fine-tune a pretrained detector; what it knew before is kept by distillation and weight averaging."""
    from lab.train.detect.settings import DetectSettings
    from lab.train.detect.training import train

    train(load(config, DetectSettings), _out(out, config), base=config.parent, resume=resume)


@app.command()
def classify(config: Config, out: Out = None, resume: Resume = False) -> None:
    """Train a classifier of object crops: type, attribute, condition."""
    from lab.train.classify.settings import ClassifySettings
    from lab.train.classify.training import train

    train(load(config, ClassifySettings), _out(out, config), base=config.parent, resume=resume)


@app.command()
def behaviour(config: Config, out: Out = None, resume: Resume = False) -> None:
    """Train a model of what happens over time: on the crops of a track, or the whole scene."""
    from lab.train.behaviour.settings import BehaviourSettings
    from lab.train.behaviour.training import train

    train(load(config, BehaviourSettings), _out(out, config), base=config.parent, resume=resume)


# Takes no YAML: a folder of crops is all there is to say.
app.command("few-shot")(few_shot)


def _out(out: Path | None, config: Path) -> Path:
    return out or Path("out") / "train" / config.stem
