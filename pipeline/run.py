"""One run, from configuration to report: directories, processes, and what is left when they are done."""

import dataclasses
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel

from pipeline.books import books_of
from pipeline.clock import SECOND, Clock, SystemClock
from pipeline.configuration.config import ClassifyConfig, PipelineConfig, StageConfig
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.configuration.kept_place import note_configuration
from pipeline.errors import BartizanError
from pipeline.followed import followed_by
from pipeline.integrity.witness import witness
from pipeline.journal.log import LogReader
from pipeline.messages import EndRecord, LogHeader
from pipeline.observability.health_server import Observatory
from pipeline.observability.status_file import StatusFile
from pipeline.out_directory import claimed_out, prepare_out
from pipeline.process import Process, Role
from pipeline.registry import CLASSIFIERS, DETECTORS, Table, resolve
from pipeline.report import Report, build_report, write_report
from pipeline.run_directory import claim, sweep
from pipeline.shutdown import Shutdown
from pipeline.spec import RunSpec
from pipeline.store.event_store import EventStore
from pipeline.store.letters import Left
from pipeline.store.rendering import render_events
from pipeline.supervisor.status import Observer, Status
from pipeline.supervisor.supervisor import Supervisor

logger = logging.getLogger(__name__)

RECORD_PATIENCE_S = 60.0
"""Closing a long clip on a slow disk takes its time."""
DONE, SOURCE_FAILED, CANNOT_START, OUTBOX_LEFT, INTERRUPTED = 0, 1, 3, 4, 130
"""Exit codes of a run (2 is for what is wrong before it begins)."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that is over."""

    code: int
    report: Report
    out: Path
    status: Status
    left: list[Left] = field(default_factory=list)
    """What has not reached its sink, also if the configuration has none of that name any more."""
    sinks: frozenset[str] = frozenset()
    """Those of the configuration."""


def run_pipeline(
    config: PipelineConfig,
    *,
    overwrite: bool = False,
    observer: Observer | None = None,
    stderr: IO[bytes] | None = None,
    clock: Clock | None = None,
    file: Path | None = None,
) -> Finished:
    """Run until every recording is done, or somebody asks to stop. ``file``: where the configuration was read.

    Raises ``UsageError`` when the output directory belongs to another analysis, is in use, or cannot be written.
    """
    clock = clock or SystemClock()
    config = resolved(config)
    kept = KeptAnalysis.of(config)
    analysis = kept.sha256
    with claimed_out(config) as out, _directories() as (run_dir, ring_dir):
        prepare_out(config, out, analysis, overwrite=overwrite)
        kept.write(out)
        note_configuration(out, file)
        spec = RunSpec(
            config=config.to_spec(),
            out=str(out),
            run_dir=str(run_dir),
            ring_dir=str(ring_dir),
            endpoint=_endpoint(config, run_dir),
            analysis_sha256=analysis,
            cameras=list(config.cameras),
            follows={
                name: {what: str(path) for what, path in followed_by(config.rules, name).items()}
                for name in config.cameras
            },
            store_url=config.store.url.get_secret_value() if config.store.url else "",
            store_wait_s=config.store.wait_s,
        )
        spec.save(run_dir / "spec")
        before = _frames_so_far(spec)
        began = clock.monotonic_ns()
        with Shutdown() as shutdown:
            supervisor = Supervisor(
                roles_of(config),
                spec=run_dir / "spec",
                cameras=spec.cameras,
                ring_dir=ring_dir,
                options=config.supervisor,
                clock=clock,
                shutdown=shutdown,
                stderr=stderr,
            )
            with _observers(config, out, clock, observer) as observers:
                status = supervisor.run(_together(observers))
        elapsed_s = (clock.monotonic_ns() - began) / SECOND
        return _finish(config, spec, status, elapsed_s=elapsed_s, frames_before=before)


@contextmanager
def _observers(config: PipelineConfig, out: Path, clock: Clock, observer: Observer | None) -> Iterator[list[Observer]]:
    """Whoever looks at the run: the status file, metrics and health over HTTP, and the caller."""
    with ExitStack() as stack:
        status_file = StatusFile(out / "status.json", clock, os.getpid())
        stack.callback(status_file.remove)
        found: list[Observer] = [status_file]
        if config.metrics.enabled:
            observatory = Observatory(config.metrics.host, config.metrics.port, clock)
            stack.callback(observatory.close)
            found.append(observatory)
        if observer is not None:
            found.append(observer)
        yield found


def _together(observers: Sequence[Observer]) -> Observer:
    def observe(status: Status, processes: list[Process]) -> None:
        for observer in observers:
            observer(status, processes)

    return observe


def roles_of(config: PipelineConfig) -> list[Role]:
    """The processes of a run, dispatch first."""
    captures = [
        Role("capture", name, patience_s=_capture_patience_s(options)) for name, options in config.cameras.items()
    ]
    detects = [Role("detect", str(number)) for number in range(config.detect.workers)]
    alert = Role("alert", patience_s=30.0)  # a store that is locked for long is no reason to kill it
    classifies = [
        Role("classify", f"{item.name}/{number}") for item in config.classify for number in range(item.workers)
    ]
    records = [
        Role("record", name, patience_s=_capture_patience_s(options) + RECORD_PATIENCE_S)
        for name, options in config.cameras.items()
        if name in config.clips
    ]
    rest = [Role("evidence"), *records, Role("deliver", patience_s=120.0)]
    return [Role("dispatch"), alert, *captures, *detects, *classifies, *rest]


def _capture_patience_s(options: Any) -> float:
    """A source may keep its process waiting this long without anything being wrong with the process."""
    return float(2 * options.open_timeout_s + options.read_timeout_s + 5.0)


def resolved(config: PipelineConfig) -> PipelineConfig:
    """The configuration with every ``auto`` of detector and classifiers made explicit, once for all of their processes,
    and paths of keys as absolute ones."""
    if config.integrity.key is not None:
        key = str(config.base / config.integrity.key)
        config = dataclasses.replace(config, integrity=config.integrity.model_copy(update={"key": key}))
    if config.links.keys_dir is not None:
        keys_dir = str(config.base / config.links.keys_dir)
        config = dataclasses.replace(config, links=config.links.model_copy(update={"keys_dir": keys_dir}))
    detect = dataclasses.replace(config.detect, options=_resolved(config.detect, DETECTORS))
    classify = tuple(dataclasses.replace(item, options=_resolved(item, CLASSIFIERS)) for item in config.classify)
    return dataclasses.replace(config, detect=detect, classify=classify)


def _resolved(stage: StageConfig | ClassifyConfig, table: Table) -> BaseModel:
    resolve_options = getattr(resolve(stage.kind, table), "resolve", None)
    found: BaseModel = stage.options if resolve_options is None else resolve_options(stage.options)
    return found


@contextmanager
def _directories() -> Iterator[tuple[Path, Path]]:
    """Fresh 0700 directories for sockets and rings; what killed runs left is removed first."""
    run_root = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")
    ring_root = Path("/dev/shm") if Path("/dev/shm").is_dir() else run_root
    for root in {run_root, ring_root}:
        for left in sweep(root):
            logger.info("removed %s, left by a run that was killed", left)
    run_dir, ring_dir = claim(run_root), claim(ring_root)
    try:
        yield run_dir, ring_dir
    finally:
        shutil.rmtree(ring_dir, ignore_errors=True)
        shutil.rmtree(run_dir, ignore_errors=True)


def _endpoint(config: PipelineConfig, run_dir: Path) -> str:
    return f"ipc://{run_dir}/dispatch" if config.links.endpoint == "ipc" else config.links.endpoint


def _frames_so_far(spec: RunSpec) -> int:
    """Frames that earlier runs in the same directory have taken in."""
    with spec.open_store() as store:
        return sum(sum(position.counts.values()) for position in store.positions().values())


def _finish(config: PipelineConfig, spec: RunSpec, status: Status, *, elapsed_s: float, frames_before: int) -> Finished:
    """Render events, write the report, and say how it went."""
    out = Path(spec.out)
    with spec.open_store() as store:
        _take_note(config, out, store)
        if not any(config.is_live(camera) for camera in config.cameras):
            render_events(store, spec.events_path, source_order=spec.cameras)
        names = {sink.name for sink in config.sinks}
        outbox = {name: counts for name, counts in store.outbox_counts().items() if name in names}
        digests = {f"{name} (digests)": counts for name, counts in store.digests.counts().items() if name in names}
        governed = {name: counts for name, counts in store.decisions.counts().items() if name in names}
        left = store.letters.left()
        events = sum(1 for _ in store.events("commit"))
    sources = [_source(spec, camera, status) for camera in spec.cameras]
    report = build_report(
        books=books_of(status),
        elapsed_s=elapsed_s,
        frames_before=frames_before,
        latency_ms=status.latency_ms,
        events=events,
        outbox=outbox | digests,
        governor=governed,
        restarts=status.restarts,
        cpu_s=status.cpu_s,
        refused=status.refused,
        sources=sources,
    )
    write_report(out / "report.json", report)
    return Finished(exit_code(status, sources, report.outbox), report, out, status, left, frozenset(names))


def _take_note(config: PipelineConfig, out: Path, store: EventStore) -> None:
    """Of what came last, when nobody else does any more."""
    if not config.integrity.enabled:
        return
    try:
        with witness(out, store, config.integrity.key, SystemClock()) as seeing:
            seeing.catch_up()
    except (BartizanError, OSError) as error:
        logger.warning("not all evidence is in the chain: %s", error)


def _source(spec: RunSpec, camera: str, status: Status) -> dict[str, Any]:
    progress = status.cameras.get(camera)
    state: dict[str, Any] = {"camera": camera, "frames": progress.next_index if progress else 0}
    state["ended"] = (progress.end_reason if progress else "") or end_reason(spec.log_path(camera))
    if progress and progress.counts.get("poison") and not progress.counts.get("analysed"):
        state["ended"] = f"failed: the detector could analyse none of its frames ({state['ended'] or 'interrupted'})"
    return state


def end_reason(path: Path) -> str:
    """Why a camera's log ends, or an empty text while it does not."""
    reader, reason = LogReader(path), ""
    try:
        while batch := reader.read(4096):
            for record, _ in batch:
                if isinstance(record, EndRecord):
                    reason = record.reason
                elif not isinstance(record, LogHeader):
                    reason = ""
    finally:
        reader.close()
    return reason


def exit_code(status: Status, sources: list[dict[str, Any]], outbox: dict[str, dict[str, int]]) -> int:
    """How it went, the worst first. Dead letters are no reason to run again: they stay dead."""
    if status.failed or status.unfinished:
        return CANNOT_START
    if not all(source["ended"] for source in sources):
        return INTERRUPTED
    if any(source["ended"].startswith("failed") for source in sources):
        return SOURCE_FAILED
    if any(states.get("pending") for states in outbox.values()):
        return OUTBOX_LEFT
    return DONE
