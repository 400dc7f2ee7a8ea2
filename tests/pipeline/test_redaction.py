"""No credential survives redaction, wherever a library puts it."""

import base64
import json
import logging
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.redaction import HIDDEN, RedactingFilter, Redactor, redact, register_secret

visible = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F, categories=["L", "N", "P", "S"]), min_size=6)
passwords = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1)
words = st.text(st.sampled_from("abcdefgh ="), max_size=20)
schemes = st.sampled_from(["rtsp", "rtsps", "http", "https", "tcp", "mqtt", "amqp+ssl"])


@given(scheme=schemes, user=passwords, password=passwords, before=words, after=words)
def test_no_user_information_of_a_url_survives(scheme: str, user: str, password: str, before: str, after: str) -> None:
    encoded = f"{quote(user, safe='')}:{quote(password, safe='')}"
    hidden = redact(f"{before} {scheme}://{encoded}@host:554/stream {after}")
    assert hidden == redact(f"{before} {scheme}://{HIDDEN}@host:554/stream {after}")
    assert f"{scheme}://{HIDDEN}@host:554/stream" in hidden


@given(user=st.text("abcxyz", min_size=1), password=st.text("abc/?#@:%&=!$", min_size=1))
def test_a_password_that_nobody_encoded_does_not_survive(user: str, password: str) -> None:
    assert redact(f"open rtsp://{user}:{password}@192.0.2.7/s failed") == f"open rtsp://{HIDDEN}@192.0.2.7/s failed"


@given(
    name=st.sampled_from(["password", "token", "key", "api_key", "access_token", "secret", "pwd", "sig", "Pass"]),
    value=passwords,
)
def test_no_secret_parameter_survives(name: str, value: str) -> None:
    hidden = redact(f"GET http://host/x?a=1&{name}={quote(value, safe='')}&b=2")
    assert hidden == f"GET http://host/x?a=1&{name}={HIDDEN}&b=2"


@given(value=st.text("abcdefXYZ0123456789+/=.", min_size=6), scheme=st.sampled_from(["Basic", "Bearer", "bearer"]))
def test_no_authorization_header_survives(value: str, scheme: str) -> None:
    for line in (
        f"Authorization: {scheme} {value}",
        f"{{'authorization': '{scheme} {value}'}}",
        f"sent {scheme} {value}",
    ):
        assert value not in redact(line).replace(HIDDEN, "")


@given(secret=visible, before=words, after=words)
def test_no_registered_secret_survives_in_any_spelling(secret: str, before: str, after: str) -> None:
    assume(secret.strip("*"))
    redactor = Redactor()
    redactor.register(secret)
    spellings = [secret, quote(secret), quote(secret, safe=""), json.dumps(secret), repr(secret)]
    spellings.append(base64.b64encode(secret.encode()).decode())
    for spelling in spellings:
        assert secret not in redactor.redact(f"{before}{spelling}{after}").replace(HIDDEN, " ")


@pytest.mark.parametrize(
    "harmless",
    [
        "capture[gate]: opened rtsp://192.0.2.7:554/stream1 in 0.3 s",
        "mail ops@example.org about http://host/path?fps=5&size=2",
        "the basic idea: bearer of news",
        "monkey=3 keyboard=us",
    ],
)
def test_text_without_credentials_is_left_alone(harmless: str) -> None:
    assert redact(harmless) == harmless


def test_redacting_twice_changes_nothing() -> None:
    once = redact("rtsp://a:b@h/s?token=x Authorization: Basic abcdefgh")
    assert redact(once) == once


def test_log_records_are_redacted_with_their_exceptions(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(RedactingFilter())
    logger = logging.getLogger("test.redaction")
    try:
        raise OSError("rtsp://viewer:sesame@host/s refused")
    except OSError:
        logger.exception("cannot open %s", "rtsp://viewer:sesame@host/s", stack_info=True)
    logger.info("arguments do not fit: %d", "rtsp://viewer:sesame@host/s")
    assert "sesame" not in caplog.text
    assert f"cannot open rtsp://{HIDDEN}@host/s" in caplog.text
    assert "Traceback" in caplog.text


def test_a_secret_is_hidden_in_the_whole_process() -> None:
    register_secret("open-sesame-1001")
    assert redact("the word is open-sesame-1001") == f"the word is {HIDDEN}"


def test_very_short_values_are_not_hidden() -> None:
    redactor = Redactor()
    redactor.register("a")
    redactor.register("")
    assert redactor.redact("a cat") == "a cat"
