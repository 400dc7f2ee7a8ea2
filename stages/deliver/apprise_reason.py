"""Why a service did not take a message, by what Apprise noted while it tried.

Apprise tells on its own level of debugging what the other side said; its results hold that when they are asked to
(``log_level`` of ``Apprise.notify``).
"""

import logging
import re
from ast import literal_eval
from collections.abc import Iterable
from typing import Any, Protocol

from stages.deliver.tls import explain_text

_EXCEPTION = re.compile(r"[A-Za-z/ ]*Exception[a-z_ ]*: *(?P<text>.*)", re.DOTALL)
_ANSWER = re.compile(r"Response Details: *\s*(?P<text>.*)", re.DOTALL)
_WRONG_LOGIN = {530, 534, 535, 538}
"""Replies to a login (RFC 4954, section 4.7.)."""
_WORDS = {
    "Connection unexpectedly closed": "it closed the connection",
    "STARTTLS extension not supported": "it offers no STARTTLS: mode=ssl in the address, or the port is wrong",
    "SMTP AUTH extension not supported": "it takes no user and password here: is the port right, and the mode?",
    "timed out": "it did not answer in time",
}
_OPTION = " in ca_file"
_NO_OPTION = " in SSL_CERT_FILE (HTTP: REQUESTS_CA_BUNDLE)"
"""Apprise has no option for that; the libraries that it uses have variables."""


class Entry(Protocol):
    """A line that Apprise noted."""

    @property
    def level(self) -> str: ...  # noqa: D102
    @property
    def message(self) -> str: ...  # noqa: D102


class ReasonsOnly(logging.Filter):
    """Keeps of Apprise's debugging what says why something failed. The rest repeats whole messages, pictures too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is one of these."""
        if record.levelno >= logging.WARNING:
            return True
        text = str(record.msg)
        return bool(_EXCEPTION.match(text) or _ANSWER.match(text))


def reason(entries: Iterable[Entry]) -> str:
    """What went wrong: what the other side or the system said, else what Apprise made of it. One line, not redacted."""
    errors: list[str] = []
    warnings: list[str] = []
    for entry in entries:
        if found := _EXCEPTION.match(entry.message):
            errors.append(_plain(found["text"]))
        elif found := _ANSWER.match(entry.message):
            warnings += [text] if (text := _answer(found["text"])) else []
        elif entry.level != "DEBUG":
            warnings.append(" ".join(entry.message.split()))
    return "; ".join(dict.fromkeys(errors or warnings)) or "failed"


def _plain(text: str) -> str:
    """The text of an exception, in words that say what to do."""
    said = _reply(text)
    if said:
        return said
    known = next((words for part, words in _WORDS.items() if part in text), None) or explain_text(text)
    return known.replace(_OPTION, _NO_OPTION) or " ".join(text.split())


def _reply(text: str) -> str:
    """What a mail server answered. ``smtplib`` shows it as a tuple, and those of several recipients as a dict."""
    try:
        shown: Any = literal_eval(text)
    except (ValueError, SyntaxError):
        return ""
    match shown:
        case dict():
            return ", ".join(f"{who}: {_reply(repr(reply))}" for who, reply in shown.items())
        case (int(code), bytes(words), *who):
            hint = ": are user and password right?" if code in _WRONG_LOGIN else ""
            sender = f"{who[0]}: " if who else ""
            return f"{sender}{code} {' '.join(words.decode(errors='replace').split())}{hint}"
        case _:
            return ""


def _answer(text: str) -> str:
    """The body of an HTTP answer, as logged: bytes in Python's spelling. A whole page tells nothing in a line."""
    try:
        shown: Any = literal_eval(text)
        text = shown.decode(errors="replace") if isinstance(shown, bytes) else text
    except (ValueError, SyntaxError):
        pass
    return "" if text.lstrip().startswith("<") else " ".join(text.split())
