"""Encrypted connections: which certificates to trust and to show, and what is wrong when one is refused."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_CERTIFICATES = {
    "has expired": "its certificate has expired: have it renewed",
    "not yet valid": "its certificate is not valid yet: compare the clocks of both machines",
    "self-signed": "its certificate is self-signed: name it, or who signed it, in ca_file",
    "self signed": "its certificate is self-signed: name it, or who signed it, in ca_file",
    "unable to get local issuer": "nobody that is trusted signed its certificate: name who did in ca_file",
    "Hostname mismatch": "its certificate is for another host: use the name that stands in it",
    "IP address mismatch": "its certificate is not for this address: use the name that stands in it",
}
_ALERTS = {
    "CERTIFICATE_REQUIRED": "it asks for a certificate of ours: set cert_file and key_file",
    "UNKNOWN_CA": "it does not trust our certificate",
    "BAD_CERTIFICATE": "it refuses our certificate",
    "CERTIFICATE_EXPIRED": "our certificate has expired: have it renewed",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
}
_ERRNO = {
    errno.ECONNREFUSED: "nothing listens there: is it running, and is the port right?",
    errno.ECONNRESET: "it closed the connection",
    errno.EPIPE: "it closed the connection",
    errno.EHOSTUNREACH: "no route to that host",
    errno.ENETUNREACH: "no route to that network",
}
_UNKNOWN_HOST = "unknown host: is the name right, and does name resolution work here?"
_NUMBER = re.compile(r"\[Errno (-?[0-9]+)\]")


class TidySocket(ssl.SSLSocket):
    """Closes itself when its handshake fails: not every library that makes one does that."""

    def do_handshake(self, block: bool = False) -> None:
        """Greet the other side. Raises ``OSError``."""
        try:
            super().do_handshake(block)
        except OSError as error:
            if not isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
                self.close()
            raise


class TlsOptions(BaseModel):
    """Which certificates to trust, and which to show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verify_tls: bool = Field(default=True, description="Check the receiver's certificate.")
    ca_file: Path | None = Field(default=None, description="Certificates (PEM) to trust instead of the public ones.")
    cert_file: Path | None = Field(default=None, description="Our certificate (PEM), where the receiver asks for one.")
    key_file: Path | None = Field(default=None, description="Its private key (PEM); unset: it lies in cert_file.")
    key_password: SecretStr | None = Field(default=None, description="Password of the private key, if it has one.")

    def context(self) -> ssl.SSLContext:
        """For a client's connection. Raises ``OSError`` (``ssl.SSLError`` is one) where a file cannot be used."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.sslsocket_class = TidySocket
        if self.ca_file is None:
            import certifi  # slim containers have no certificates of their own

            context.load_verify_locations(certifi.where())
        if not self.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert_file is not None:
            # Without a password OpenSSL would ask for one on the terminal.
            password = self.key_password.get_secret_value() if self.key_password else ""
            context.load_cert_chain(self.cert_file, self.key_file, password)
        return context

    def file_faults(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Files that are not there, or that hold no certificates."""
        missing = False
        for name in ("ca_file", "cert_file", "key_file"):
            file: Path | None = getattr(self, name)
            if file is not None and not file.is_file():
                missing = True
                yield (name,), f"no such file: {file}"
        if self.key_file is not None and self.cert_file is None:
            yield ("key_file",), "is of no use without cert_file"
        if missing:
            return
        if (fault := self._unreadable("ca_file")) is not None:
            yield ("ca_file",), fault
        elif self.cert_file is not None:
            try:
                self.context()
            except OSError as error:
                yield ("cert_file",), f"cannot be used with its key: {_reason(error)}"

    def _unreadable(self, name: str) -> str | None:
        file = getattr(self, name)
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:
            return f"{file} holds no certificates (PEM): {_reason(error)}"
        return None


def explain(error: BaseException) -> str:
    """Why a connection was not made or broke, and what to do about it: one line."""
    for one in _causes(error):
        if (words := _words(one)) is not None:
            return words
    return _reason(error)


def explain_text(text: str) -> str:
    """The same where a library left nothing of the error but its text; empty if it says nothing that is known."""
    certificate = next((words for part, words in _CERTIFICATES.items() if part in text), "")
    if certificate or "CERTIFICATE_VERIFY_FAILED" in text:
        return certificate or "its certificate is refused"
    if "SSL" in text and (alert := next((words for part, words in _ALERTS.items() if part in text.upper()), "")):
        return alert
    number = _NUMBER.search(text)
    if number is None:
        return ""
    unknown_host = {socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_NODATA}
    return _UNKNOWN_HOST if int(number[1]) in unknown_host else _ERRNO.get(int(number[1]), "")


def _words(error: BaseException) -> str | None:
    text = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        found = next((words for part, words in _CERTIFICATES.items() if part in text), None)
        return found or f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return next((words for part, words in _ALERTS.items() if part in text.upper().replace(" ", "_")), None)
    if isinstance(error, socket.gaierror):
        return _UNKNOWN_HOST
    if isinstance(error, OSError) and error.errno in _ERRNO:
        return _ERRNO[error.errno]
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _reason(error: BaseException) -> str:
    """Its own words, on one line."""
    strerror = getattr(error, "strerror", None)
    text = " ".join(str(strerror if isinstance(strerror, str) and strerror else error).split())
    return text or type(error).__name__
