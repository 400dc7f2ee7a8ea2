"""The filters of ``bartizan events``, spelt and explained the same for each of its commands."""

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from inspect import Parameter, Signature, signature
from math import isfinite
from typing import Annotated, Any, TypeAlias

import typer

from pipeline.configuration.suggestions import did_you_mean, listed
from pipeline.configuration.units import quantity
from pipeline.errors import UsageError
from pipeline.store.alarms import SEVERITIES
from pipeline.store.catalogue import Catalogue, Wanted

PlaceArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="PLACE", help="Folder of results, configuration, events.db, or postgresql://...#RUN.")
]
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1
"""What a database keeps of times: 1677 to 2262. No event is outside."""


def filtered(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For a command that takes ``wanted``, a ``Wanted``: its users get the options of ``wanted_of`` in place of it, or
    those of these names."""
    options = [each for each in signature(wanted_of).parameters.values() if each.name in names or not names]
    options = [each for each in options if each.name != "now_ns"]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            chosen = {each.name: given.pop(each.name) for each in options}
            command(**given, wanted=wanted_of(**chosen, now_ns=time.time_ns()))

        own = [[each] if each.name != "wanted" else options for each in signature(command).parameters.values()]
        shown = [each.replace(kind=Parameter.KEYWORD_ONLY) for several in own for each in several]
        run.__annotations__ = {each.name: each.annotation for each in shown}
        run.__signature__ = Signature(shown)  # type: ignore[attr-defined]  # where typer looks
        return run

    return decorate


def wanted_of(
    *,
    camera: Annotated[
        list[str] | None, typer.Option("--camera", metavar="NAME", help="Of this camera; may be repeated.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="RULE", help="Of this kind of rule, or your name for one; may be repeated."),
    ] = None,
    severity: Annotated[
        list[str] | None,
        typer.Option("--severity", metavar="SEVERITY", help="low, medium, high or critical; may be repeated."),
    ] = None,
    classes: Annotated[
        list[str] | None, typer.Option("--class", metavar="CLASS", help="About such an object; may be repeated.")
    ] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", metavar="NAME", help="In the zone of the rule of this name; may be repeated."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="Started then or later: 2026-11-21T08:00:00Z, 2026-11-21 (UTC), 2h."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Started before; a date counts as a whole.")
    ] = None,
    is_open: Annotated[bool, typer.Option("--open", help="Not over yet.")] = False,
    now_ns: int,
) -> Wanted:
    """The options as one filter. Raises ``UsageError``."""
    for each in severity or ():
        if each not in SEVERITIES:
            near = did_you_mean(each, SEVERITIES) or ","
            raise UsageError(f"--severity {each}: there is no such severity{near} allowed: {listed(SEVERITIES)}")
    for option, given in {"camera": camera, "rule": rule, "class": classes, "zone": zone}.items():
        for each in given or ():
            refuse_other_than_text(f"--{option}", each)
    wanted = Wanted(
        cameras=tuple(camera or ()),
        rules=tuple(rule or ()),
        severities=tuple(severity or ()),
        classes=tuple(classes or ()),
        zones=tuple(zone or ()),
        since_ns=None if since is None else moment_ns(since, "--since", now_ns),
        until_ns=None if until is None else moment_ns(until, "--until", now_ns, is_end=True),
        is_open=is_open,
    )
    if wanted.since_ns is not None and wanted.until_ns is not None and wanted.since_ns >= wanted.until_ns:
        raise UsageError("--since is not before --until: nothing lies between them")
    return wanted


def refuse_other_than_text(option: str, given: str) -> None:
    """Raise ``UsageError`` for bytes that are no letters, which no name in a store has."""
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{option} {given!r}: is no text in UTF-8") from error


def moment_ns(text: str, option: str, now_ns: int, *, is_end: bool = False) -> int:
    """A time as UTC in ns: RFC 3339, a date (its beginning; its end, if it ``is_end``), or how long ago."""
    return min(max(_moment_ns(text, option, now_ns, is_end=is_end), _FIRST_NS), _LAST_NS)


def _moment_ns(text: str, option: str, now_ns: int, *, is_end: bool) -> int:
    if (ago := quantity(text, "s")) is not None and isfinite(ago):
        return now_ns - round(ago * 10**9)
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=is_end)
            return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) * 1000
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.tzinfo is None:
        hint = "; add its time zone: Z or +01:00" if found is not None else ""
        raise UsageError(f"{option} {text!r} is no time{hint}; write 2026-11-21T08:00:00Z, 2026-11-21, or 2h")
    return (found - _EPOCH) // timedelta(microseconds=1) * 1000


def complain_of_strangers(catalogue: Catalogue, wanted: Wanted) -> None:
    """Where nothing was found: raise ``UsageError`` if a filter names what does not occur at all."""
    known_rules = [*catalogue.values("rule"), *catalogue.values("name")] if wanted.rules or wanted.zones else []
    for option, given, known in (
        ("--camera", wanted.cameras, catalogue.values("camera") if wanted.cameras else []),
        ("--rule", wanted.rules, known_rules),
        ("--zone", wanted.zones, known_rules),
        ("--class", wanted.classes, catalogue.values("class_name") if wanted.classes else []),
    ):
        for name in given:
            if name not in known:
                near = did_you_mean(name, known) or ";"
                raise UsageError(f"{option} {name}: no event has it{near} there are: {listed(dict.fromkeys(known))}")
