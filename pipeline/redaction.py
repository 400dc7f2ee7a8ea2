"""Hiding credentials: nothing that leaves a process for a person or a file may carry a password.

``redact`` knows the shapes that credentials have in text (RFC 3986 user information, query parameters, HTTP
``Authorization``), and every value that ``register_secret`` was told. The register is the one piece of state that a
process shares: log records come from libraries that know nothing of us.
"""

import base64
import json
import logging
import re
import traceback
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORTEST = 4
"""Characters that a registered secret has at least."""

_NAMES = (
    r"(?:pass(?:word|wd|phrase)?|pwd|token|secret|(?:[a-z0-9]+[_-])*(?:key|token|secret|password)|auth|sig(?:nature)?)"
)
_USER_INFORMATION = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]*://)(?:[^\s/?#'\"<>]*:[^\s'\"<>]*|[^\s/?#'\"<>]*)@", re.IGNORECASE
)
"""Up to the last ``@`` where there is a colon: who does not encode a password may have any letter in it."""
_PARAMETER = re.compile(rf"(?P<before>[?&;]{_NAMES}=)[^&;\s'\"<>#]*", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"(?P<before>\b(?:password|passwd|pwd|token|secret)=)[^&;,\s'\"<>#]+", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"(?P<before>(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)[^\r\n]*", re.IGNORECASE)
_SCHEME = re.compile(r"(?P<before>\b(?:basic|bearer)\s+)[A-Za-z0-9+/._~=-]{6,}", re.IGNORECASE)


class Redactor:
    """Hides the shapes of credentials, and the secrets it was told in every spelling they may appear in."""

    def __init__(self) -> None:
        self.values: tuple[str, ...] = ()
        """What was registered, as it is: hold it where only its owner reads it."""
        self._spellings: tuple[str, ...] = ()

    def register(self, value: str) -> None:
        """See ``register_secret``."""
        if len(value) >= SHORTEST and value.strip("*") and value not in self.values:
            self.values += (value,)
            spellings = {*self._spellings, *_spellings_of(value)}
            self._spellings = tuple(sorted(spellings, key=lambda spelling: (-len(spelling), spelling)))

    def redact(self, text: str) -> str:
        """See the function ``redact``."""
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        for pattern in (_USER_INFORMATION, _PARAMETER, _ASSIGNMENT, _AUTHORIZATION, _SCHEME):
            text = pattern.sub(_hidden, text)
        return text


def _hidden(found: re.Match[str]) -> str:
    return f"{found['before']}{HIDDEN}{'@' if found[0].endswith('@') else ''}"


def _spellings_of(value: str) -> set[str]:
    encoded = value.encode(errors="surrogatepass")
    spellings = {value, repr(value)[1:-1], json.dumps(value)[1:-1], base64.b64encode(encoded).decode()}
    spellings |= {quote(encoded), quote(encoded, safe=""), quote_plus(encoded)}
    return {spelling for spelling in spellings if spelling}


_OF_THIS_PROCESS = Redactor()


def register_secret(value: str) -> None:
    """From now on ``redact`` hides ``value``, also percent-encoded, in base64, and quoted as JSON or Python do.

    Values shorter than ``SHORTEST`` are ignored: hiding each "a" of a text would only tell which letter it is.
    """
    _OF_THIS_PROCESS.register(value)


def registered_secrets() -> tuple[str, ...]:
    """In plain text what ``redact`` hides, for another process that shall hide the same."""
    return _OF_THIS_PROCESS.values


def redact(text: str) -> str:
    """``text`` without credentials: those of URLs, of ``Authorization`` headers, and every registered secret."""
    return _OF_THIS_PROCESS.redact(text)


class RedactingFilter(logging.Filter):
    """Put on every handler: redacts the message, the text of its exception, and the stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; every record passes."""
        record.msg, record.args = redact(_message_of(record)), ()
        if record.exc_info and not record.exc_text and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if record.exc_text:
            record.exc_text, record.exc_info = redact(record.exc_text), None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError) as error:
        return f"{record.msg} (arguments do not fit: {error})"
