"""``bartizan evaluate``: how good results are, measured against the truth. Each command has a module of its own."""

import typer

from lab.evaluate.anomaly_command import anomaly
from lab.evaluate.behaviour_command import behaviour
from lab.evaluate.classify_command import classify
from lab.evaluate.compare_command import compare
from lab.evaluate.detect_command import detect
from lab.evaluate.events_command import events
from lab.evaluate.track_command import track

app = typer.Typer(help="Measure results against the truth.", no_args_is_help=True)


@app.callback()
def evaluate_group() -> None:
    """Measure results against the truth."""


# One line for each command; what it needs is imported when it runs.
app.command("anomaly")(anomaly)
app.command("behaviour")(behaviour)
app.command("classify")(classify)
app.command("compare")(compare)
app.command("detect")(detect)
app.command("events")(events)
app.command("track")(track)
