"""Rules to be tried on a run that is over or under way: the ``rules`` of a YAML file, checked against that run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.configuration.config import RuleConfig
from pipeline.configuration.crosschecks import check_rules
from pipeline.configuration.faults import usage_error
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.configuration.loading import read_file
from pipeline.configuration.sections import TOP, Sections, read_rules
from pipeline.configuration.suggestions import did_you_mean, listed


def load_rules(
    path: Path, kept: KeptAnalysis, *, environment: Mapping[str, str] | None = None
) -> tuple[RuleConfig, ...]:
    """The rules of a file that holds ``rules:`` alone, or of a whole configuration, whose other sections are passed
    over: cameras and classifiers are those of the run.

    Raises ``UsageError`` with one line for each fault.
    """
    document = read_file(path, os.environ if environment is None else environment)
    if not document.data:
        raise usage_error(document.faults)
    for key in document.data:
        if key not in TOP and not key.startswith("x-"):
            near = did_you_mean(key, TOP) or ","
            document.complain((key,), f"unknown key{near} allowed: rules, or {listed(TOP)}", of_key=True)
    if "rules" not in document.data and "cameras" not in document.data:
        document.complain((), "has no rules: write them under the key rules")
    given = {"rules": document.data["rules"]} if "rules" in document.data else {}
    document.data = {"cameras": dict.fromkeys(kept.cameras), **given}
    sections = Sections(document, path.resolve().parent)
    sections.classify = dict(enumerate(kept.classify))
    read_rules(sections)
    check_rules(sections)
    _check_measured(sections, kept)
    if document.faults:
        raise usage_error(document.faults)
    return tuple(sections.rules.values())


def _check_measured(sections: Sections, kept: KeptAnalysis) -> None:
    """Capture measured what the run's own rules needed, and nothing else."""
    for index, rule in sections.rules.items():
        for camera in rule.cameras:
            measured = {name for own in kept.rules if camera in own.cameras for name in _needs(own)}
            if missing := sorted(_needs(rule) - measured):
                sections.document.complain(
                    ("rules", index, "rule"),
                    f"needs what the run did not measure on camera {camera} ({listed(missing)}): run the footage again "
                    "with this rule",
                )
                break


def _needs(rule: RuleConfig) -> frozenset[str]:
    needs: Any = getattr(rule.options, "needs", frozenset())
    return frozenset(needs)
