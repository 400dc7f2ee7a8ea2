"""What every process of a run is told: the configuration and where things lie. Written once, readable by its owner."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pipeline.store.address import StoreAddress, find_address

if TYPE_CHECKING:
    from pipeline.store.event_store import EventStore

RECORDING = "recording"
"""What the log of a camera calls the state of its recording."""


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Holds credentials, so it lives only in the run's 0700 directory, in a 0600 file."""

    config: bytes
    """The validated configuration (``PipelineConfig.to_spec``)."""
    out: str
    """Output directory: store, logs, media, tracks."""
    run_dir: str
    """0700 directory of sockets and this file."""
    ring_dir: str
    """0700 directory of pixel rings, in shared memory."""
    endpoint: str
    """Where dispatch listens."""
    analysis_sha256: str
    cameras: list[str]
    """In the order of the configuration: the source order of ``events.jsonl``."""
    store_url: str = ""
    """Of the server where the events lie, with its password; empty: in a file of the output directory."""
    follows: dict[str, dict[str, str]] = {}
    """Files that the rules of each camera follow (``pipeline.followed``): dispatch has no rules."""
    store_wait_s: float = 60.0
    """How long to wait for it where it is gone."""

    def save(self, path: Path) -> None:
        """Write for child processes."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.msgpack.encode(self))

    @classmethod
    def load(cls, path: Path) -> "RunSpec":
        """The inverse of ``save``."""
        return msgspec.msgpack.decode(path.read_bytes(), type=cls)

    def log_path(self, camera: str) -> Path:
        """The camera's log."""
        return Path(self.out) / "logs" / f"{camera}.log"

    def answers_path(self, camera: str, classifier: str, number: int) -> Path:
        """Where the classify process ``classifier/number`` writes its answers about a camera."""
        return Path(self.out) / "logs" / f"{camera}.{classifier}-{number}.answers"

    def answers_paths(self, camera: str, classifier: str) -> list[Path]:
        """All journals of this classifier that are there, those of earlier runs with more processes included."""
        return sorted((Path(self.out) / "logs").glob(f"{camera}.{classifier}-*.answers"))

    def recording_state(self, camera: str) -> Path:
        """Where the recorder of a live camera says how it is. Not among the results, whose disk may be full."""
        return Path(self.ring_dir) / f"recording-{camera}.json"

    def clock_state(self, camera: str) -> Path:
        """Where the capture of a live camera says how far the camera's clock is ahead (``pipeline.camera_clock``)."""
        return Path(self.ring_dir) / f"clock-{camera}.json"

    def frames_address(self, camera: str) -> Path:
        """Socket at which the recorder of a camera is told of the frames that capture has. Short: its length is
        limited."""
        return Path(self.run_dir) / f"frames-{self.cameras.index(camera)}"

    @property
    def candidates_path(self) -> Path:
        """Folder of pictures that may become the best one of an event. In memory: nobody is hidden in them."""
        return Path(self.ring_dir) / "candidates"

    def spool_path(self, camera: str) -> Path:
        """The camera's tracks as they come, before they are exported."""
        return Path(self.out) / "tracks" / f"{camera}.spool"

    def tracks_path(self, camera: str) -> Path:
        """The camera's exported tracks."""
        return Path(self.out) / "tracks" / f"{camera}.parquet"

    @property
    def store(self) -> StoreAddress:
        """Where the event store is."""
        return find_address(Path(self.out), self.store_url)

    def open_store(self, answer: Callable[[], None] = lambda: None) -> "EventStore":
        """The event store of this run, for one of its processes. Raises ``StoreError``, ``UsageError`` and
        ``CannotStart``. ``answer``: called while a server that went away is waited for."""
        from pipeline.store.database import Patience
        from pipeline.store.event_store import EventStore

        patience = Patience(self.store_wait_s, answer)
        return EventStore.open(self.store, analysis_sha256=self.analysis_sha256, patience=patience)

    @property
    def events_path(self) -> Path:
        """The rendered events."""
        return Path(self.out) / "events.jsonl"

    @property
    def media_path(self) -> Path:
        """Folder of snapshots."""
        return Path(self.out) / "media"
