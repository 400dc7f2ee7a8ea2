"""The webhook: signed, keyed, honest about what was acknowledged, silent about secrets."""

import contextlib
import hashlib
import hmac
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from pipeline.clock import SECOND, ManualClock
from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.deliver.webhook import WebhookSink
from stages.deliver.webhook_options import WebhookOptions

NOW_S = 1_795_248_000


def sink(receiver: Any, **options: Any) -> WebhookSink:
    values = {"url": receiver.url, "timeout_s": 0.3, "connect_timeout_s": 0.3, **options}
    return WebhookSink(WebhookOptions.model_validate(values), clock=ManualClock(wall_ns=NOW_S * SECOND))


def send(receiver: Any, **options: Any) -> None:
    hook = sink(receiver, **options)
    try:
        hook.send(sample_event(), key="sample-gate-1")
    finally:
        hook.close()
        hook.close()


def test_the_body_is_a_cloud_event_with_the_message_id_as_its_id(receiver: Any) -> None:
    send(receiver)
    request = receiver.requests[0]
    envelope = json.loads(request.body)
    assert request.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["Idempotency-Key"] == envelope["id"] == "sample-gate-1"
    assert (envelope["specversion"], envelope["subject"], envelope["source"]) == (
        "1.0",
        "sample",
        "/bartizan/cameras/gate",
    )
    assert envelope["type"] == "bartizan.in_field.start"
    assert "time" not in envelope
    assert msgspec.convert(envelope["data"], Event) == sample_event()


def test_raw_is_the_bare_event(receiver: Any) -> None:
    send(receiver, dialect="raw")
    request = receiver.requests[0]
    assert request.headers["Content-Type"] == "application/json"
    assert msgspec.json.decode(request.body, type=Event) == sample_event()


def test_the_receiver_can_check_the_signature(receiver: Any) -> None:
    send(receiver, secret="s3cret-key")
    request = receiver.requests[0]
    stamp, digest = (part.split("=")[1] for part in request.headers["X-Bartizan-Signature"].split(","))
    expected = hmac.new(b"s3cret-key", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, expected)
    assert int(stamp) == NOW_S


def test_a_secret_that_anybody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        WebhookOptions.model_validate({"url": "http://localhost", "secret": ""})


def test_without_a_secret_there_is_no_signature(receiver: Any) -> None:
    send(receiver, headers={"Authorization": "Bearer abcdefgh"})
    assert "X-Bartizan-Signature" not in receiver.requests[0].headers
    assert receiver.requests[0].headers["Authorization"] == "Bearer abcdefgh"


def test_one_connection_serves_many_events(receiver: Any) -> None:
    hook, ports = sink(receiver), set()

    def note_port(handler: BaseHTTPRequestHandler) -> None:
        ports.add(handler.client_address[1])
        handler.send_response(204)
        handler.end_headers()

    receiver.answer(note_port)
    for ordinal in range(5):
        hook.send(sample_event(ordinal=ordinal), key=str(ordinal))
    hook.close()
    assert len(ports) == 1


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_worth_another_try(receiver: Any, answers: Any, code: int) -> None:
    receiver.answer(answers(code, "please wait"))
    with pytest.raises(DeliveryError, match=rf"127.0.0.1:{receiver.port} answered {code} .*: please wait") as caught:
        send(receiver)
    assert not isinstance(caught.value, DeliveryRefused)
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize("code", [400, 410, 413, 422])
def test_what_will_not_pass_is_refused_for_good_with_the_receivers_words(
    receiver: Any, answers: Any, code: int
) -> None:
    receiver.answer(answers(code, "no such\x1b[31m\nhook"))
    with pytest.raises(DeliveryRefused, match=rf"answered {code} .*: no such \[31m hook"):
        send(receiver)


@pytest.mark.parametrize("code", [401, 403, 407])
def test_wrong_credentials_are_told_and_the_message_waits_until_they_are_put_right(
    receiver: Any, answers: Any, code: int
) -> None:
    receiver.answer(answers(code, "token unknown"))
    with pytest.raises(DeliveryError, match=rf"answered {code} .*: token unknown \(are user and password ") as caught:
        send(receiver)
    assert not isinstance(caught.value, DeliveryRefused)


@pytest.mark.parametrize("code", [404, 405])
def test_an_address_at_which_nobody_is_loses_no_message(receiver: Any, answers: Any, code: int) -> None:
    receiver.answer(answers(code, "page not found"))
    with pytest.raises(DeliveryError, match=rf"answered {code} .*: page not found \(is the address right") as caught:
        send(receiver)
    assert not isinstance(caught.value, DeliveryRefused)


@pytest.mark.parametrize("name", ["content-type", "Idempotency-key", "X-BARTIZAN-SIGNATURE", "Content-Length"])
def test_no_header_is_sent_twice(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} .*: leave it out"):
        WebhookOptions.model_validate({"url": "http://localhost", "headers": {name: "5"}})


@pytest.mark.parametrize(
    ("asked", "wait_s"),
    [
        ("7", 7.0),
        ("²", None),
        ("Sat, 21 Nov 2026 08:02:00 GMT", 120.0),
        ("Sat, 21 Nov 2020 08:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_passed_on(receiver: Any, answers: Any, asked: str, wait_s: float | None) -> None:
    receiver.answer(answers(429, Retry_After=asked))
    with pytest.raises(DeliveryError) as caught:
        send(receiver)
    assert caught.value.retry_after_s == wait_s


def test_a_receiver_that_hangs_is_left_within_the_timeout(receiver: Any) -> None:
    receiver.answer(lambda handler: receiver.released.wait(30))
    with pytest.raises(DeliveryError, match="did not answer in time"):
        send(receiver)


def test_a_receiver_that_drips_is_left_too_and_the_next_event_passes(receiver: Any, answers: Any) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        try:
            while not receiver.released.wait(0.05):
                handler.wfile.write(b"z")
        except OSError:
            close_at_once(handler)

    receiver.answer(drip, answers(200))
    hook = sink(receiver)
    with pytest.raises(DeliveryError, match="did not answer in time"):
        hook.send(sample_event(), key="1")
    hook.send(sample_event(), key="1")
    hook.close()


def close_at_once(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


def break_off_in_the_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    close_at_once(handler)


def answer_in_another_language(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 mail.example ESMTP\r\n")
    close_at_once(handler)


@pytest.mark.parametrize("behaviour", [close_at_once, break_off_in_the_headers, answer_in_another_language])
def test_a_connection_that_breaks_is_worth_another_try(
    receiver: Any, behaviour: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    receiver.answer(behaviour)
    with pytest.raises(DeliveryError, match="cannot be reached") as caught:
        send(receiver)
    assert not isinstance(caught.value, DeliveryRefused)


def test_a_status_counts_even_if_the_body_breaks_off(receiver: Any) -> None:
    def break_off_in_the_body(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthan")
        close_at_once(handler)

    receiver.answer(break_off_in_the_body)
    send(receiver)


def test_nobody_there_is_worth_another_try() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        options = WebhookOptions.model_validate({"url": f"http://127.0.0.1:{unused.getsockname()[1]}/"})
        hook = WebhookSink(options)
        with pytest.raises(DeliveryError, match=r"cannot be reached: nothing listens there"):
            hook.send(sample_event(), key="1")
        hook.close()


def test_the_sink_goes_on_after_a_failure(receiver: Any, answers: Any) -> None:
    receiver.answer(close_at_once, answers(503), answers(200))
    hook = sink(receiver)
    for _ in range(2):
        with pytest.raises(DeliveryError):
            hook.send(sample_event(), key="1")
    hook.send(sample_event(), key="1")
    hook.close()
    assert [request.headers["Idempotency-Key"] for request in receiver.requests] == ["1", "1", "1"]


def test_a_redirect_to_another_host_is_not_followed(receiver: Any, answers: Any) -> None:
    receiver.answer(answers(307, Location=f"http://localhost:{receiver.port}/elsewhere"))
    with pytest.raises(DeliveryError, match=r"307.*not followed"):
        send(receiver, secret="key", headers={"Authorization": "Bearer abcdefgh"})
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("code", [301, 302, 303])
def test_a_redirect_that_drops_the_body_is_not_followed(receiver: Any, answers: Any, code: int) -> None:
    receiver.answer(answers(code, Location="/elsewhere"))
    with pytest.raises(DeliveryError, match="not followed"):
        send(receiver)


def test_a_redirect_within_the_host_is_followed_with_body_and_key(receiver: Any, answers: Any) -> None:
    receiver.answer(answers(308, Location="/moved"), answers(200))
    send(receiver)
    assert [request.path for request in receiver.requests] == ["/hook", "/moved"]
    assert receiver.requests[0].body == receiver.requests[1].body
    assert receiver.requests[1].headers["Idempotency-Key"] == "sample-gate-1"


def test_a_redirect_in_circles_ends(receiver: Any, answers: Any) -> None:
    receiver.answer(answers(308, Location="/hook"))
    with pytest.raises(DeliveryError, match="in circles"):
        send(receiver)


def test_no_secret_ever_stands_in_an_error(receiver: Any) -> None:
    def echo(handler: BaseHTTPRequestHandler) -> None:
        text = f"bad request: {handler.path} {handler.headers['Authorization']} {handler.headers['X-Key']} hmac-key-1"
        handler.send_response(400)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text.encode())

    receiver.answer(echo)
    url = f"http://me:hunter22@127.0.0.1:{receiver.port}/hook"
    with pytest.raises(DeliveryRefused) as caught:
        send(receiver, url=url, secret="hmac-key-1", headers={"X-Key": "opensesame"})
    for secret in ("hunter22", "opensesame", "hmac-key-1", "bWU6aHVudGVyMjI="):
        assert secret not in str(caught.value)


def test_options_never_show_their_secrets() -> None:
    values = {"url": "https://h/T0/B0/path-key", "secret": "hmac-key", "headers": {"X-Key": "opensesame"}}
    shown = repr(WebhookOptions.model_validate(values))
    assert not [secret for secret in ("path-key", "hmac-key", "opensesame") if secret in shown]


@pytest.mark.parametrize("url", ["ftp://host/x", "host/path", "http://", "http://host:99999/", "http://[::1/", ""])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an address such as"):
        WebhookOptions.model_validate({"url": url})


@pytest.mark.parametrize("headers", [{"X-Key": "a\r\nX-Other: b"}, {"X Key": "a"}, {"": "a"}, {"X-Key": "ü"}])
def test_headers_that_would_break_the_request_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"header name|printable ASCII"):
        WebhookOptions.model_validate({"url": "http://h/", "headers": headers})


def test_a_missing_certificate_file_is_named(receiver: Any, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"certificates .*nowhere\.pem"):
        send(receiver, ca_file=tmp_path / "nowhere.pem")


def test_importing_the_sink_does_not_import_httpx(root: Path) -> None:
    code = "import sys, stages.deliver.webhook, stages.deliver.terminal\n"
    code += "sys.exit(bool({*sys.modules} & {'httpx', 'rich'}))"
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
