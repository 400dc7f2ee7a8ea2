"""The webhook over TLS: who is trusted, and what is said when it fails."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.store.sample_event import sample_event
from stages.deliver.webhook import WebhookSink
from stages.deliver.webhook_options import WebhookOptions


def send(url: str, **options: Any) -> None:
    values = {"url": url, "timeout_s": 2, "connect_timeout_s": 2, **options}
    hook = WebhookSink(WebhookOptions.model_validate(values))
    try:
        hook.send(sample_event(), key="1")
    finally:
        hook.close()


def test_a_receiver_with_a_certificate_of_the_named_authority_is_trusted(
    serve_tls: Callable[..., Any], certificates: Any
) -> None:
    receiver = serve_tls(certificates.server_file)
    send(receiver.url, ca_file=certificates.ca_file)
    assert len(receiver.requests) == 1


def test_nobody_else_is(serve_tls: Callable[..., Any], certificates: Any) -> None:
    receiver = serve_tls(certificates.server_file)
    with pytest.raises(DeliveryError, match=r"cannot be reached: nobody that is trusted signed .* ca_file"):
        send(receiver.url)
    assert receiver.requests == []
    send(receiver.url, verify_tls=False)
    assert len(receiver.requests) == 1


def test_an_expired_certificate_is_named_in_one_line(serve_tls: Callable[..., Any], certificates: Any) -> None:
    receiver = serve_tls(certificates.expired_file)
    with pytest.raises(DeliveryError) as caught:
        send(receiver.url, ca_file=certificates.ca_file)
    expected = "cannot be reached: its certificate has expired: have it renewed"
    assert str(caught.value) == f"https://localhost:{receiver.port} {expected}"
    assert not isinstance(caught.value, DeliveryRefused)


def test_a_receiver_that_asks_who_we_are_is_shown_our_certificate(
    serve_tls: Callable[..., Any], certificates: Any
) -> None:
    receiver = serve_tls(certificates.server_file, ask_client=True)
    with pytest.raises(DeliveryError, match="asks for a certificate of ours: set cert_file"):
        send(receiver.url, ca_file=certificates.ca_file)
    send(receiver.url, ca_file=certificates.ca_file, cert_file=certificates.client_file)
    assert len(receiver.requests) == 1


def test_plain_http_where_tls_is_expected_is_told(receiver: Any, certificates: Any) -> None:
    with pytest.raises(DeliveryError, match="does not speak TLS on this port"):
        send(receiver.url.replace("http:", "https:"), ca_file=certificates.ca_file)


def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(DeliveryError, match="unknown host: is the name right"):
        send("http://no-such-host.invalid/hook")


def faults(**options: Any) -> list[tuple[tuple[str | int, ...], str]]:
    return list(WebhookOptions.model_validate({"url": "https://h/", **options}).faults())


def test_the_check_finds_files_that_are_missing_or_hold_no_certificates(tmp_path: Path, certificates: Any) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    assert faults(ca_file=certificates.ca_file, cert_file=certificates.client_file) == []
    assert faults(ca_file=tmp_path / "no.pem") == [(("ca_file",), f"no such file: {tmp_path / 'no.pem'}")]
    ((key, problem),) = faults(ca_file=tmp_path / "empty.pem")
    assert key == ("ca_file",)
    assert "holds no certificates (PEM)" in problem
    ((key, problem),) = faults(cert_file=certificates.ca_file)
    assert key == ("cert_file",)
    assert "cannot be used with its key" in problem
    assert faults(key_file=certificates.client_file) == [(("key_file",), "is of no use without cert_file")]


def test_a_key_with_a_password_never_asks_on_the_terminal(tmp_path: Path, certificates: Any) -> None:
    locked = tmp_path / "locked.pem"
    words = f"openssl rsa -aes128 -passout pass:opensesame -in {certificates.client_file} -out {locked}"
    if os.system(f"{words} 2>/dev/null") != 0:
        words = f"openssl ec -aes128 -passout pass:opensesame -in {certificates.client_file} -out {locked}"
        assert os.system(f"{words} 2>/dev/null") == 0, "needs the program openssl"
    files = {"cert_file": certificates.client_file, "key_file": locked}
    ((key, problem),) = faults(**files)
    assert key == ("cert_file",)
    assert "opensesame" not in problem
    assert faults(**files, key_password="opensesame") == []
