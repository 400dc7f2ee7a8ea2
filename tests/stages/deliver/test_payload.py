"""Bodies by the user's template: they read the event, nothing else, and are tried before anything runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.configuration.loading import load
from pipeline.errors import DeliveryRefused, UsageError
from pipeline.store.sample_event import sample_event
from stages.deliver.dialects.table import DIALECTS
from stages.deliver.payload import PayloadOptions
from stages.deliver.webhook import WebhookSink
from stages.deliver.webhook_options import WebhookOptions

SLACK = """{
  "text": {{ (event.name ~ " on " ~ event.camera) | tojson }},
  "blocks": [{% if event.object %}{"type": {{ event.object.class | tojson }}}{% endif %}]
}"""


def fault(body: str, **options: Any) -> str | None:
    found = list(PayloadOptions.model_validate({"body": body, **options}).faults())
    return found[0][1] if found else None


def test_a_template_makes_the_body_and_its_content_type(receiver: Any) -> None:
    hook = WebhookSink(WebhookOptions.model_validate({"url": receiver.url, "method": "PUT", "body": SLACK}))
    hook.send(sample_event(name='the "yard"'), key="1")
    hook.send(sample_event(object=None), key="2")
    hook.close()
    first, second = receiver.requests
    assert json.loads(first.body) == {"text": 'the "yard" on gate', "blocks": [{"type": "person"}]}
    assert json.loads(second.body)["blocks"] == []
    assert (first.method, first.headers["Content-Type"]) == ("PUT", "application/json")
    assert first.headers["Idempotency-Key"] == "1"


def test_a_plain_text_is_not_taken_for_json() -> None:
    options = PayloadOptions(body="{{ event.camera }}: {{ event.reason }}\n{{ key }}", content_type="text/plain")
    assert list(options.faults()) == []
    body = options.payload(sample_event(reason="<b> & 'so on'"), "k")
    assert body == b"gate: <b> & 'so on'\nk"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('{"a": {{ event.camra | tojson }}}', "line 1 of the template fails: 'dict object' has no attribute 'camra'"),
        ('{\n"a": {{ evnt.camera }}\n}', "line 2 of the template fails: 'evnt' is undefined"),
        ('{\n"a": {{ event.camera \n}', "line 3 of the template: unexpected '}'"),
        ('{"a": {% if event.camera %}1}', "line 1 of the template: Unexpected end of template"),
        ('{"a": "{{ event.reason }}"}', "gives no JSON: Expecting ',' delimiter"),
        (
            '{"a": {{ event.object.class | tojson }}}',
            "line 1 of the template fails for an event without object and wall time: 'None' has no attribute 'class'",
        ),
        ("{{ event | shout }}", "line 1 of the template: No filter named 'shout'"),
        ("{{ event.__class__.__mro__ }}", "line 1 of the template fails: access to attribute '__class__'"),
        (
            "{{ ''.__class__ }}",
            "line 1 of the template fails: access to attribute '__class__' of 'str' object is unsafe",
        ),
        ("{{ event.update({'a': 1}) }}", "line 1 of the template fails: "),
        ("{% include '/etc/passwd' %}", "line 1 of the template fails: no loader for this environment"),
    ],
)
def test_a_broken_template_is_found_by_the_check(body: str, complaint: str) -> None:
    found = fault(body)
    assert found is not None
    assert found.startswith(complaint)
    assert "\n" not in found


def test_the_check_says_where_the_template_stands(tmp_path: Path) -> None:
    file = tmp_path / "x.yml"
    file.write_text(
        "cameras: {gate: {source: 0}}\n"
        "sinks:\n- kind: webhook\n  url: http://h/x\n  body: |\n    {\n    {{ event.camra }}}\n"
        "- kind: webhook\n  url: http://h/y\n  ca_file: nowhere.pem\n"
    )
    with pytest.raises(UsageError) as caught:
        load(file, environment={})
    first, second = str(caught.value).splitlines()
    assert first.endswith(
        "x.yml:5:9: sinks.0.body: line 2 of the template fails: 'dict object' has no attribute 'camra'"
    )
    assert second.endswith("x.yml:10:12: sinks.1.ca_file: no such file: nowhere.pem")


def test_a_template_that_fails_for_one_message_makes_a_dead_letter_of_it_alone() -> None:
    options = PayloadOptions(body="{{ event.object.attributes.colour }}", content_type="text/plain")
    with pytest.raises(DeliveryRefused, match=r"template fails for this message: .* no attribute 'colour'"):
        options.payload(sample_event(), "1")


def test_what_is_no_content_type_is_refused() -> None:
    with pytest.raises(ValidationError, match="is no content type"):
        PayloadOptions(body="x", content_type="text/plain\r\nX-Other: 1")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"media_time": float("inf"), "wall_time": None},
        {"media_time": float("nan"), "wall_time": None},
        {"wall_time": "yesterday"},
        {"type": "rumour"},
        {"evidence": {"snapshot": ""}},
        {"region": {"zone": "everywhere"}},
        {"why": [{"predicate": 5}]},
    ],
    ids=repr,
)
def test_an_event_with_a_value_of_the_wrong_kind_is_said_or_refused_in_one_line(
    dialect: str, wrong: dict[str, Any]
) -> None:
    options, refused = PayloadOptions.model_validate({"dialect": dialect}), ""
    try:
        json.loads(options.payload(sample_event(**wrong), "1"))
    except DeliveryRefused as error:
        refused = str(error)
    assert not refused or refused.startswith(f"cannot be said in dialect {dialect!r}: ")
    assert "\n" not in refused
