"""Whether rules wait for words that nobody here ever says: a detector's classes, what a classifier answers."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from pipeline.errors import UsageError
from pipeline.messages import AnswersHeader
from stages.alert.options import RuleOptions
from stages.alert.rule import Rule


def check_answers(rules: Sequence[Rule], header: AnswersHeader, *, camera: str) -> None:
    """Raise ``UsageError``, a line for each fault, if a rule waits for what this classifier never says."""
    faults = []
    for rule in rules:
        wanted = [] if header.frames else _wanted(rule.options, header.classifier)
        for unknown in _unknown(wanted, header.names):
            faults.append(
                f"rule {rule.options.title!r}: classifier {header.classifier!r} of camera {camera} never says "
                f"{unknown} It says: {', '.join(header.names)}"
            )
    if faults:
        raise UsageError("\n".join(faults))


def check_classes(rules: Sequence[Rule], names: Sequence[str], *, camera: str) -> None:
    """Raise ``UsageError``, a line for each fault, if a rule names classes that the detector does not know."""
    faults = []
    for rule in rules:
        for unknown in _unknown(dict.fromkeys(rule.options.class_names), names):
            faults.append(
                f"rule {rule.options.title!r}: the detector of camera {camera} knows no class {unknown} "
                f"It knows: {', '.join(names)}"
            )
    if faults:
        raise UsageError("\n".join(faults))


def _unknown(wanted: Iterable[str], names: Sequence[str]) -> Iterator[str]:
    """The words that are none of ``names``, quoted, each with the nearest one that is."""
    for name in wanted:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            yield f"{name!r}; did you mean {close[0]!r}?" if close else f"{name!r}"


def _wanted(options: RuleOptions, classifier: str) -> list[str]:
    own = options.attributes.get(classifier, ())
    return [*own, *(name for part in options.parts for name in _wanted(part, classifier))]
