"""Sink: alerts on the terminal, one line each."""

from typing import TYPE_CHECKING

from pipeline.errors import DeliveryError
from pipeline.messages import Event
from stages.deliver.options import TerminalOptions

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {"low": "cyan", "medium": "yellow", "high": "bold red", "critical": "bold white on red"}
_MARKS = {"start": "▶", "update": "•", "end": "■", "digest": "≡"}


class TerminalSink:
    """Prints each event on standard output (or a console that is handed in)."""

    Options = TerminalOptions

    def __init__(self, options: TerminalOptions, *, console: "Console | None" = None) -> None:
        self._options = options
        self._console = console or _console(options)

    def send(self, event: Event, *, key: str) -> None:
        """Print one line. Raises ``DeliveryError`` when nobody reads the output any more."""
        with self._console.capture() as captured:  # rich ends the whole process when its own write meets a closed pipe
            self._console.print(self._line(event), soft_wrap=True)
        try:
            self._console.file.write(captured.get())
            self._console.file.flush()
        except OSError as error:
            raise DeliveryError(f"the terminal cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Nothing to let go of."""

    def _line(self, event: Event) -> "Text":
        from rich.text import Text

        line = Text()
        line.append(f"{_moment(event)}  ", "dim")
        line.append(f"{event.severity:<8}", _STYLES.get(event.severity, ""))
        line.append(f"  {_MARKS.get(event.type, ' ')} {event.type:<6}  ")
        line.append(_plain(event.camera), "bold")
        line.append(f"  {_plain(_title(event))}")
        if event.object is not None:
            seen = event.object
            line.append(
                f"  {_plain(seen.class_name)} #{seen.track_id} {seen.confidence:.0%}" if seen.track_id else "  object"
            )
        if self._options.reasons and event.reason:
            line.append(f"  {_plain(event.reason)}", "dim")
        return line


def _console(options: TerminalOptions) -> "Console":
    from rich.console import Console

    forced = {"always": True, "never": False}.get(options.color)
    return Console(force_terminal=forced, no_color=True if options.color == "never" else None, highlight=False)


def _title(event: Event) -> str:
    return event.name if event.name == event.rule else f"{event.name} ({event.rule})"


def _moment(event: Event) -> str:
    """Wall time where known, else media time as h:mm:ss.mmm."""
    if event.wall_time is not None:
        return event.wall_time
    minutes, seconds = divmod(event.media_time, 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02}:{seconds:06.3f}"


def _plain(text: str) -> str:
    """Names and reasons may come from afar: nothing in them steers the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
