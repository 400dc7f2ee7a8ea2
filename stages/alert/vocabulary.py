"""Whether rules wait for words that nobody here ever says: a detector's classes, what a classifier answers."""

from collections.abc import Sequence
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
        for name in wanted:
            if name not in header.names:
                close = get_close_matches(name, header.names, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                faults.append(
                    f"rule {rule.options.title!r}: classifier {header.classifier!r} of camera {camera} never says "
                    f"{name!r}{hint} It says: {', '.join(header.names)}"
                )
    if faults:
        raise UsageError("\n".join(faults))


def check_classes(rules: Sequence[Rule], names: Sequence[str], *, camera: str) -> None:
    """Raise ``UsageError``, a line for each fault, if a rule names classes that the detector does not know."""
    faults = []
    for rule in rules:
        for name in dict.fromkeys(rule.options.class_names):
            if name not in names:
                close = get_close_matches(name, names, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                faults.append(
                    f"rule {rule.options.title!r}: the detector of camera {camera} knows no class {name!r}{hint} "
                    f"It knows: {', '.join(names)}"
                )
    if faults:
        raise UsageError("\n".join(faults))


def _wanted(options: RuleOptions, classifier: str) -> list[str]:
    own = options.attributes.get(classifier, ())
    return [*own, *(name for part in options.parts for name in _wanted(part, classifier))]
