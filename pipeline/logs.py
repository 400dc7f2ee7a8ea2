"""Log lines: one a record, UTC, with stage and camera, as text for people or JSON for machines; never a credential."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import TextIO

from pipeline.redaction import RedactingFilter

_TITLE = re.compile(r"(?:bartizan: )?(?P<stage>[\w.-]+)(?:\[(?P<instance>.*)\])?")
_TALKATIVE = ("httpx", "httpcore", "urllib3", "asyncio", "matplotlib", "PIL", "alembic")
"""Libraries that log every request or file at ``info``: heard only from ``warning`` on, or with ``debug``."""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n", 13: "\\r", 9: "\\t"}
_ESCAPES |= {0x2028: "\\u2028", 0x2029: "\\u2029"}


def configure(level: str, format: str, *, process_title: str, stream: TextIO) -> None:
    """Set up this process's logging, replacing what was there.

    ``level``: debug, info, warning or error; ``format``: text or json; ``process_title``: ``bartizan: capture[gate]``
    names stage and camera. Warnings of Python are logged too. Raises ``ValueError`` for another level or format.
    """
    if format not in ("text", "json"):
        raise ValueError(f"log format {format!r} is unknown; allowed: text, json")
    found = _TITLE.fullmatch(process_title)
    stage, instance = (found["stage"], found["instance"]) if found else (process_title, None)
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(JsonLines(stage, instance) if format == "json" else TextLines(stage, instance))
    logging.basicConfig(level=str(level).upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _TALKATIVE:
        quiet = logging.getLogger().level > logging.DEBUG
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.NOTSET)


class TextLines(logging.Formatter):
    """``2026-11-21T08:00:00.000Z WARNING capture[gate] stages.capture: it stalled``.

    Line breaks and control characters within a record are escaped: a record cannot pretend to be two.
    """

    def __init__(self, stage: str, instance: str | None) -> None:
        super().__init__()
        self._who = stage if instance is None else f"{stage}[{instance}]"

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        camera = getattr(record, "camera", None)
        about = "" if camera is None else f" camera={camera}"
        line = f"{_utc(record)} {record.levelname} {self._who} {record.name}:{about} {record.getMessage()}"
        return "".join((line, *(f"\n{extra}" for extra in _extras(self, record)))).translate(_ESCAPES)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, stage, camera, logger, message; exception and stack where there are any."""

    def __init__(self, stage: str, instance: str | None) -> None:
        super().__init__()
        self._stage = stage
        self._instance = instance

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        camera = getattr(record, "camera", self._instance if self._stage == "capture" else None)
        fields = {
            "time": _utc(record),
            "level": record.levelname.lower(),
            "stage": self._stage,
            "instance": self._instance,
            "camera": camera,
            "logger": record.name,
            "message": record.getMessage(),
            "exception": "\n".join(_extras(self, record)) or None,
        }
        return json.dumps({name: value for name, value in fields.items() if value is not None}, default=str)


def _utc(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extras(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    """The traceback and the stack of a record, if it has them."""
    found = record.exc_text or (formatter.formatException(record.exc_info) if record.exc_info else "")
    return [text for text in (found, record.stack_info or "") if text]
