"""A record is one line, says when and who, and holds no credential."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator

import pytest

from pipeline.logs import configure

logger = logging.getLogger("stages.capture.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_text_line_says_when_who_and_what(stream: io.StringIO) -> None:
    configure("info", "text", process_title="bartizan: capture[gate]", stream=stream)
    logger.warning("stalled for %d s", 3)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING capture\[gate\] stages\.capture\.test: stalled for 3 s\n",
        stream.getvalue(),
    )


def test_a_json_line_says_the_same_to_machines(stream: io.StringIO) -> None:
    configure("info", "json", process_title="bartizan: capture[gate]", stream=stream)
    logger.warning("stalled")
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "stage": "capture",
        "instance": "gate",
        "camera": "gate",
        "logger": "stages.capture.test",
        "message": "stalled",
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_record_may_name_its_camera(stream: io.StringIO, form: str) -> None:
    configure("info", form, process_title="bartizan: dispatch", stream=stream)
    logger.info("gone", extra={"camera": "yard"})
    assert ("camera=yard gone" if form == "text" else '"camera": "yard"') in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_record_is_one_line_whatever_it_holds(stream: io.StringIO, form: str) -> None:
    configure("info", form, process_title="bartizan: dispatch", stream=stream)
    try:
        raise ValueError("bad\nnews\x1b[31m\u2028")
    except ValueError:
        logger.exception("first\r\n2026-01-01T00:00:00.000Z INFO dispatch pipeline: forged")
    text = stream.getvalue()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert "ValueError" in text


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_credential_gets_into_a_line(stream: io.StringIO, form: str) -> None:
    configure("info", form, process_title="bartizan: capture[gate]", stream=stream)
    url = "rtsp://admin:hunter22@10.0.0.5/main"
    try:
        raise OSError(f"cannot open {url}")
    except OSError:
        logger.exception("opening %s failed", url)
    assert "hunter22" not in stream.getvalue()
    assert "10.0.0.5/main" in stream.getvalue()


def test_levels_hold_and_talkative_libraries_are_heard_on_debug_only(stream: io.StringIO) -> None:
    configure("info", "text", process_title="bartizan: deliver", stream=stream)
    logger.debug("unheard")
    logging.getLogger("httpx").info("unheard")
    assert stream.getvalue() == ""
    configure("debug", "text", process_title="bartizan: deliver", stream=stream)
    logger.debug("heard")
    logging.getLogger("httpx").info("heard")
    assert stream.getvalue().count("heard") == 2


def test_configuring_twice_does_not_log_twice(stream: io.StringIO) -> None:
    for _ in range(2):
        configure("info", "text", process_title="bartizan: deliver", stream=stream)
    logger.info("once")
    assert stream.getvalue().count("once") == 1


def test_warnings_of_python_are_logged(stream: io.StringIO) -> None:
    configure("info", "text", process_title="bartizan: detect[0]", stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old model", UserWarning, stacklevel=1)
    assert "WARNING detect[0] py.warnings: " in stream.getvalue()
    assert "old model" in stream.getvalue()


def test_an_unknown_format_or_level_is_refused(stream: io.StringIO) -> None:
    with pytest.raises(ValueError, match="'xml' is unknown; allowed: text, json"):
        configure("info", "xml", process_title="x", stream=stream)
    with pytest.raises(ValueError, match="LOUD"):
        configure("loud", "text", process_title="x", stream=stream)
