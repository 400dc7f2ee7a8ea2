"""Why a mail was not taken stands in one line: said by a real mail server, and without the password."""

import gc
import logging
import re
import ssl
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from pipeline.errors import DeliveryError
from pipeline.store.sample_event import sample_event
from stages.deliver.apprise import AppriseSink
from stages.deliver.apprise_options import AppriseOptions
from stages.deliver.apprise_reason import ReasonsOnly, reason
from tests.servers.process import free_port

PASSWORD = "sw0rdfish99"
PEOPLE = "to=guard@example.org&from=gate@example.org"


@dataclass
class Post:
    """A mail server that does not take what it is sent, in its own way."""

    mood: str

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.mood == "recipient":
            return f"550 5.1.1 <{address}>: nobody of that name, {PASSWORD}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.mood == "sender":
            return "553 5.7.1 not yours"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.mood == "close":
            server.transport.close()
        return "452 4.3.1 no room left"


def _deny(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=False, handled=False, message="535 5.7.8 not with that password")


@pytest.fixture
def serve() -> Iterator[Callable[..., int]]:
    """Starts a mail server; gives its port."""
    controllers = []

    def start(mood: str = "", **options: Any) -> int:
        port = free_port()
        controller = Controller(Post(mood), hostname="127.0.0.1", port=port, **options)
        controller.start()
        controllers.append(controller)
        return port

    yield start
    for controller in controllers:
        controller.stop()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # the sockets of connections that were cut, which aiosmtpd leaves open


def said(url: str) -> str:
    """Of a message that is not taken."""
    with pytest.raises(DeliveryError) as caught:
        AppriseSink(AppriseOptions.model_validate({"urls": url, "timeout_s": 10})).send(sample_event(), key="1")
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_a_wrong_password_is_told_and_not_shown(serve: Callable[..., int]) -> None:
    port = serve(authenticator=_deny, auth_require_tls=False)
    expected = "E-Mail at 127.0.0.1: 535 5.7.8 not with that password: are user and password right?"
    assert said(f"mailto://gate:{PASSWORD}@127.0.0.1:{port}/?{PEOPLE}&mode=insecure") == expected


@pytest.mark.parametrize(
    ("mood", "expected"),
    [
        ("recipient", "guard@example.org: 550 5.1.1 <guard@example.org>: nobody of that name, ***"),
        ("sender", "gate@example.org: 553 5.7.1 not yours"),
        ("full", "452 4.3.1 no room left"),
        ("close", "it closed the connection"),
    ],
)
def test_what_the_mail_server_answered_is_told(serve: Callable[..., int], mood: str, expected: str) -> None:
    url = f"mailto://127.0.0.1:{serve(mood)}/?{PEOPLE}&mode=insecure&reply={PASSWORD}@example.org"
    assert said(url) == f"E-Mail at 127.0.0.1: {expected}"


def test_a_server_without_encryption_is_told(serve: Callable[..., int]) -> None:
    port = serve()
    assert said(f"mailtos://127.0.0.1:{port}/?{PEOPLE}&mode=ssl").endswith(": it does not speak TLS on this port")
    assert ": it offers no STARTTLS: mode=ssl " in said(f"mailtos://127.0.0.1:{port}/?{PEOPLE}&mode=starttls")


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("server_file", r"nobody that is trusted signed its certificate: name who did in SSL_CERT_FILE"),
        ("expired_file", r"its certificate has expired: have it renewed$"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_told(
    serve: Callable[..., int], certificates: Any, monkeypatch: pytest.MonkeyPatch, which: str, words: str
) -> None:
    if which == "expired_file":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(getattr(certificates, which))
    port = serve(tls_context=context)
    assert re.match(f"E-Mail at localhost: {words}", said(f"mailtos://localhost:{port}/?{PEOPLE}&mode=starttls"))


def test_nobody_there_is_told() -> None:
    assert "unknown host: is the name right" in said(f"mailto://nobody.invalid/?{PEOPLE}&mode=insecure")
    assert "nothing listens there" in said(f"mailto://127.0.0.1:{free_port()}/?{PEOPLE}&mode=insecure")


def test_what_a_web_service_answered_is_told(receiver: Any) -> None:
    def answer(handler: Any) -> None:
        body = b'{"error": "no\\u0020such room"}'
        handler.send_response(400)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    receiver.answer(answer)
    text = said(f"json://keeper:{PASSWORD}@127.0.0.1:{receiver.port}/x")
    assert "error=400" in text
    assert "such room" in text


@dataclass
class Line:
    level: str
    message: str


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "failed"),
        ([("WARNING", "no\n room")], "no room"),
        ([("WARNING", "not sent"), ("DEBUG", "Socket Exception: {'a@b.org': (550, b'no'), 'c@d.org': (421, b'so')}")],
         "a@b.org: 550 no, c@d.org: 421 so"),
        ([("DEBUG", "I/O Exception: [Errno 13] Permission denied: '/x'")], "[Errno 13] Permission denied: '/x'"),
        ([("WARNING", "not sent"), ("DEBUG", "Response Details:\r\nb'<html>a page</html>'")], "not sent"),
        ([("DEBUG", "Socket Exception: " + "(" * 500)], "(" * 500),
    ],
)  # fmt: skip
def test_what_says_why_is_taken_and_what_repeats_it_is_not(lines: list[tuple[str, str]], expected: str) -> None:
    assert reason(Line(*each) for each in lines) == expected


def test_messages_and_pictures_are_not_kept_for_the_reason() -> None:
    def kept(level: int, text: str) -> bool:
        return ReasonsOnly().filter(logging.LogRecord("apprise", level, "", 0, text, (), None))

    assert kept(logging.WARNING, "not sent")
    assert kept(logging.DEBUG, "Socket Exception: refused")
    assert not kept(logging.DEBUG, "JSON Payload: {'attachments': ['a whole picture']}")
