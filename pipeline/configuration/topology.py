"""The processes of a configuration and what travels between them, as a graph to draw."""

from dataclasses import dataclass

from pipeline.configuration.config import PipelineConfig
from pipeline.redaction import redact


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its title, or a sink; ``about`` says what it does."""

    title: str
    about: str


@dataclass(frozen=True, slots=True)
class Link:
    """What travels from one process to another."""

    start: str
    end: str
    carries: str


@dataclass(frozen=True, slots=True)
class Topology:
    """All processes, in the order that work goes through them, and their links."""

    processes: tuple[Process, ...]
    links: tuple[Link, ...]

    def links_from(self, title: str) -> list[Link]:
        """Links that begin at a process."""
        return [link for link in self.links if link.start == title]


def topology(config: PipelineConfig) -> Topology:
    """What ``bartizan run`` would start."""
    captures = [
        Process(f"capture[{name}]", redact(str(getattr(options, "source", ""))))
        for name, options in config.cameras.items()
    ]
    workers = [Process(f"detect[{number}]", config.detect.kind) for number in range(config.detect.workers)]
    classifiers = [
        Process(f"classify[{item.name}/{number}]", item.kind)
        for item in config.classify
        for number in range(item.workers)
    ]
    names = ", ".join(dict.fromkeys(rule.name for rule in config.rules))
    fixed = [
        Process("dispatch", f"leases, order, books; {config.dispatch.slots} slots a camera"),
        *workers,
        *classifiers,
        Process("alert", f"{config.track.kind}; rules: {names or 'none'}"),
        Process("evidence", config.evidence.kind),
        *[Process(f"record[{camera}]", item.mode) for item in config.record for camera in item.cameras],
        Process("deliver", "outbox"),
    ]
    sinks = [Process(f"sink[{sink.name}]", sink.kind) for sink in config.sinks]
    links = [Link(capture.title, "dispatch", "offers") for capture in captures]
    links += [Link("dispatch", worker.title, "work under lease") for worker in workers]
    shared = [camera for camera in config.cameras if config.is_shared(camera)]
    links += [Link(f"capture[{camera}]", f"record[{camera}]", "frames") for camera in shared]
    links += [
        Link("dispatch", "alert", "log of each camera"),
        Link("alert", "evidence", "snapshots wanted"),
        Link("alert", "deliver", "events.db: events and outbox"),
    ]
    links += [Link("alert", f"record[{camera}]", "clips wanted") for item in config.record for camera in item.cameras]
    links += [Link("alert", each.title, "crops wanted, answers in a journal") for each in classifiers]
    links += [Link("deliver", sink.title, "events") for sink in sinks]
    return Topology((*captures, *fixed, *sinks), tuple(links))
