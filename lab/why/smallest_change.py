"""The smallest change that would have prevented an event, from its own messages alone."""

from lab.why.course import Course
from lab.why.edge import edges
from lab.why.limit import limits
from lab.why.prevention import Prevention


def preventions(course: Course) -> list[Prevention]:
    """What would have prevented it: certain changes first, and of these the smallest first."""
    found = [*limits(course), *edges(course)]
    return sorted(found, key=lambda each: (not each.certain, each.share, each.option))
