"""Notifications to people, by a real mail server and a real receiver."""

import asyncio
import base64
import email
import email.policy
import json
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import ValidationError

from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.redaction import redact
from pipeline.store.sample_event import sample_event
from stages.deliver.apprise import AppriseSink
from stages.deliver.apprise_options import AppriseOptions
from tests.servers.process import free_port

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100 + b"\xff\xd9"
SHOT = {"snapshot": "media/shot.jpg"}


@dataclass
class Post:
    """Takes mail, answering with the next of ``replies``; the last one stays."""

    replies: list[str] = field(default_factory=lambda: ["250 taken"])
    hang_s: float = 0.0
    mails: list[Any] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.hang_s)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return reply


@pytest.fixture
def post() -> Iterator[Post]:
    office = Post()
    office.port = free_port()
    controller = Controller(office, hostname="127.0.0.1", port=office.port)
    controller.start()
    yield office
    controller.stop()


def mail_url(post: Post) -> str:
    return f"mailto://127.0.0.1:{post.port}/?to=guard@example.org&from=gate@example.org&mode=insecure"


def sink(*urls: str, out: Path | None = None, **options: Any) -> AppriseSink:
    made = AppriseSink(AppriseOptions.model_validate({"urls": urls, "picture_wait_s": 0.3, **options}))
    if out is not None:
        made.look_in(out)
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "shot.jpg").write_bytes(JPEG)
    return tmp_path


def test_a_mail_arrives_with_its_picture(post: Post, out: Path) -> None:
    sink(mail_url(post), out=out).send(sample_event(evidence=SHOT, wall_time="2026-11-21T12:00:00Z"), key="1")
    (mail,) = post.mails
    assert mail["Subject"] == "yard on gate (high)"
    assert mail["To"] == "guard@example.org"
    parts = {part.get_content_type(): part for part in mail.walk()}
    assert "person #7 was inside the zone for 2.1 s (at least 2 s)" in parts["text/plain"].get_content()
    assert "2026-11-21T12:00:00Z" in parts["text/plain"].get_content()
    assert parts["image/jpeg"].get_content() == JPEG


def test_templates_make_title_and_text(post: Post) -> None:
    made = sink(mail_url(post), title="{{ event.severity | upper }}", body="<{{ event.camera }}> {{ key }}")
    made.send(sample_event(), key="k-1")
    (mail,) = post.mails
    assert mail["Subject"] == "HIGH"
    assert "<gate> k-1" in mail.get_body(("plain",)).get_content()


def test_a_picture_that_was_deleted_or_is_not_wanted_leaves_the_text(
    post: Post, out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (out / "media" / "shot.jpg").unlink()
    began = time.monotonic()
    with caplog.at_level(logging.INFO, "stages"):
        sink(mail_url(post), out=out).send(sample_event(evidence=SHOT), key="1")
    said = [record.message for record in caplog.records if record.name.startswith("stages")]
    assert said == ["picture media/shot.jpg is not there: message 1 goes without it"]
    assert time.monotonic() - began >= 0.3
    (out / "media" / "shot.missing").touch()
    sink(mail_url(post), out=out, picture_wait_s=60).send(sample_event(evidence=SHOT), key="2")
    (out / "media" / "shot.jpg").write_bytes(JPEG)
    sink(mail_url(post), out=out, attach=False).send(sample_event(evidence=SHOT), key="3")
    kinds = [{part.get_content_type() for part in mail.walk()} for mail in post.mails]
    assert [("image/jpeg" in each) for each in kinds] == [False] * 3


def test_a_mail_that_is_rejected_is_not_acknowledged_and_comes_with_the_next_try(post: Post) -> None:
    post.replies[:] = ["451 try later", "250 taken"]
    made = sink(mail_url(post))
    with pytest.raises(DeliveryError, match=r"^E-Mail at 127\.0\.0\.1: ") as caught:
        made.send(sample_event(), key="1")
    assert "\n" not in str(caught.value)
    assert post.mails == []
    made.send(sample_event(), key="1")
    assert len(post.mails) == 1


def test_a_mail_server_that_hangs_is_left_within_the_timeout(post: Post) -> None:
    post.hang_s = 60
    began = time.monotonic()
    with pytest.raises(DeliveryError, match=r"did not finish within 0\.\d+s"):
        sink(mail_url(post), timeout_s=0.5).send(sample_event(), key="1")
    assert time.monotonic() - began < post.hang_s


def test_who_took_a_message_is_not_told_again_because_another_did_not(post: Post, receiver: Any, answers: Any) -> None:
    receiver.answer(answers(500), answers(200))
    made = sink(mail_url(post), f"json://127.0.0.1:{receiver.port}/notify")
    with pytest.raises(DeliveryError, match=r"^JSON at 127\.0\.0\.1: .*500"):
        made.send(sample_event(), key="1")
    made.send(sample_event(), key="1")
    assert (len(post.mails), len(receiver.requests)) == (1, 2)


def test_apprises_own_webhook_carries_text_kind_and_picture(receiver: Any, out: Path) -> None:
    sink(f"json://127.0.0.1:{receiver.port}/", out=out).send(sample_event(evidence=SHOT, severity="critical"), key="1")
    said = json.loads(receiver.requests[0].body)
    assert (said["title"], said["type"]) == ("yard on gate (critical)", "failure")
    assert base64.b64decode(said["attachments"][0]["base64"]) == JPEG


def test_nobody_there_is_told_without_the_secrets_of_the_address(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        made = sink(f"json://keeper:sw0rdfish99@127.0.0.1:{port}/hooks/T0KEN-of-mine")
        with pytest.raises(DeliveryError, match=r"JSON at 127\.0\.0\.1: nothing listens there") as caught:
            made.send(sample_event(), key="1")
    said = "".join([str(caught.value), *capfd.readouterr()])
    assert "sw0rdfish99" not in said
    assert "sw0rdfish99" not in redact(f"json://keeper:sw0rdfish99@127.0.0.1:{port} failed, sw0rdfish99")


def test_the_check_finds_addresses_and_templates_that_are_none_and_shows_no_address(
    capfd: pytest.CaptureFixture[str],
) -> None:
    values = {"urls": ["json://h/x", "jsno://h/s3cret-path", "tgram://short"], "title": "{{ event.nme }}"}
    options = AppriseOptions.model_validate(values)
    found = list(options.faults())
    assert [key for key, _ in found] == [("urls", 1), ("urls", 2), ("title",)]
    said = "".join([repr(options), repr(found), *capfd.readouterr()])
    assert "s3cret-path" not in said
    assert "no attribute 'nme'" in found[-1][1]


def test_an_address_alone_needs_no_list_and_none_is_refused() -> None:
    assert len(AppriseOptions.model_validate({"urls": "json://h/"}).urls) == 1
    with pytest.raises(ValidationError):
        AppriseOptions.model_validate({"urls": []})


def test_templates_that_say_nothing_of_a_message_hold_no_other_back(post: Post) -> None:
    text = "{% if event.severity != 'low' %}{{ event.reason }}{% endif %}"
    people = sink(mail_url(post), title=text, body=text)
    with pytest.raises(DeliveryRefused, match="give no text for this message"):
        people.send(sample_event(severity="low"), key="1")
    people.send(sample_event(), key="2")
    assert len(post.mails) == 1
