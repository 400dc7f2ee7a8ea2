"""Options of the machine itself: what the sections of the YAML that belong to no stage may say."""

from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from pipeline.role_key import recipient


class Settings(BaseModel):
    """Frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DispatchOptions(Settings):
    """How frames are handed out. None of this changes what a recording yields."""

    slots: int = Field(
        default=16,
        ge=2,
        le=512,
        description="Pixel slots in the ring of each camera.",
    )
    window: int = Field(
        default=256,
        ge=1,
        le=4096,
        description="Frames of a camera that may be under way at a time, skipped ones included.",
    )
    hold: int = Field(
        default=10,
        ge=0,
        le=511,
        description="Slots of a camera that may wait for snapshots (live: for alert too); less than `slots`.",
    )
    lease_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="Seconds after which a frame is taken from a worker that does not answer.",
    )
    lost_s: float = Field(
        default=1.0,
        gt=0,
        le=3600,
        description="Seconds after which work that its worker does not know of counts as lost.",
    )
    staleness_s: float = Field(
        default=0.5,
        gt=0,
        le=3600,
        description="Live: a frame older than this when a worker is free is dropped as `stale`.",
    )

    @model_validator(mode="after")
    def _fits_the_ring(self) -> Self:
        if self.hold >= self.slots:
            raise ValueError(f"hold ({self.hold}) must be less than slots ({self.slots})")
        return self


class SupervisorOptions(Settings):
    """How processes are watched and restarted."""

    liveness_s: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="Seconds without an answer from a process's work loop until it is replaced.",
    )
    start_timeout_s: float = Field(
        default=180.0,
        gt=0,
        le=3600,
        description="Seconds a process may take to start (loading and exporting a model).",
    )
    drain_timeout_s: float | None = Field(
        default=None,
        gt=0,
        le=604800,
        description="Seconds after which the end of a run no longer waits for receivers, once all else is done. Unset: "
        "as long as they acknowledge something, and 30 s more.",
    )
    grace_s: float = Field(
        default=5.0,
        gt=0,
        le=600,
        description="Seconds between asking a process to end and killing it.",
    )
    backoff_first_s: float = Field(
        default=0.5,
        gt=0,
        le=600,
        description="Seconds until the first restart of a process.",
    )
    backoff_max_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="Most seconds between restarts; each wait doubles.",
    )
    restarts: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Restarts within `window_s` after which a process is given up.",
    )
    window_s: float = Field(
        default=60.0,
        gt=0,
        le=86400,
        description="The window in which `restarts` are counted, in seconds.",
    )

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.backoff_max_s < self.backoff_first_s:
            raise ValueError(
                f"backoff_max_s ({self.backoff_max_s}) must be at least backoff_first_s ({self.backoff_first_s})"
            )
        return self


class MetricsOptions(Settings):
    """Prometheus metrics (``/metrics``) and health (``/healthz``) of the whole run, on one port."""

    enabled: bool = Field(default=False, description="Serve metrics and health over HTTP.")
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on; others can read it off loopback."
    )
    port: int = Field(default=9100, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")


class LogLevel(StrEnum):
    """Least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log record is written."""

    TEXT = "text"
    JSON = "json"


class LogOptions(Settings):
    """What is logged, and how. Credentials never are."""

    level: LogLevel = Field(
        default=LogLevel.INFO,
        description="Records below this severity are not logged.",
    )
    format: LogFormat = Field(
        default=LogFormat.TEXT,
        description="Lines for people, or one JSON object a line.",
    )


class LinkOptions(Settings):
    """How the processes reach the dispatcher. Within one machine the default needs no keys."""

    endpoint: str = Field(
        default="ipc",
        pattern=r"^(ipc|ipc://.+|tcp://(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5})$",
        description="`ipc` (a socket in the run's private folder) or tcp://HOST:PORT.",
    )
    insecure: bool = Field(
        default=False,
        description="Allow tcp without encryption off loopback. Anybody there can read it.",
    )
    keys_dir: str | None = Field(
        default=None,
        description="Folder made with `bartizan keys`: key pairs and allow-list; relative to the YAML file.",
    )

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.endpoint.startswith("tcp://") and not self._on_loopback and not self._has_keys and not self.insecure:
            raise ValueError(
                f"{self.endpoint} is not encrypted: give keys_dir (`bartizan keys`), or say insecure: true"
            )
        return self

    @property
    def _on_loopback(self) -> bool:
        host = self.endpoint.removeprefix("tcp://").rpartition(":")[0].strip("[]")
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def _has_keys(self) -> bool:
        return self.keys_dir is not None


class StoreOptions(Settings):
    """Where events lie, with the outbox of the sinks and the place to resume at."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: SecretStr | None = Field(
        default=None,
        description="postgresql://USER:PASSWORD@HOST:PORT/DATABASE; null: the file events.db in the results.",
    )
    name: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_]{0,47})?$",
        description="PostgreSQL: name of the schema that is made for this run and holds no other's events; empty: one "
        "is made up.",
    )
    wait_s: float = Field(
        default=60.0,
        ge=1,
        le=86400,
        description="PostgreSQL: seconds that a process waits for a server that went away, before it is started anew "
        "and waits again.",
    )

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url.get_secret_value())
            _ = parts.port  # says whether it is a number
        except ValueError as error:
            raise ValueError(
                "is no URL; write postgresql://HOST:PORT/DATABASE, before HOST USER:PASSWORD@ "
                "(there %2F for / and so on)"
            ) from error
        if parts.scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not parts.path.strip("/"):
            raise ValueError("must be postgresql://HOST:PORT/DATABASE, before HOST USER:PASSWORD@; SQLite needs no url")
        return url

    @model_validator(mode="after")
    def _has_a_server(self) -> Self:
        if self.name and self.url is None:
            raise ValueError("name is for a store on PostgreSQL: give its url, too")
        return self


class GovernorOptions(Settings):
    """The governor of notifications: merges, caps and digests what sinks are sent, never what is recorded."""

    enabled: bool = Field(
        default=False,
        description="Whether sinks get notifications that a person can keep up with, instead of every message.",
    )
    merge_s: float = Field(
        default=60.0,
        ge=0,
        le=86400,
        description="Media time after the last message of an episode in which events of the same rule at the same "
        "place of the same camera still belong to it, and are merged into its notification; 0: nothing is merged.",
    )
    merge_distance: float = Field(
        default=0.15,
        ge=0,
        le=2,
        description="How far from where the episode was last an event is still at the same place, as a share of the "
        "picture. The same track belongs to it wherever it is.",
    )
    episode_s: float = Field(
        default=900.0,
        gt=0,
        le=604800,
        description="An episode lasts no longer (media time): what goes on after it notifies again.",
    )
    cooldown_s: float = Field(
        default=30.0,
        ge=0,
        le=86400,
        description="Media time after a delivered notification in which the same rule of the same camera makes no "
        "other, wherever in the picture, unless it matters more; 0: none.",
    )
    update_s: float = Field(
        default=300.0,
        ge=0,
        le=604800,
        description="Updates of an event that was notified are delivered at most this often (media time); 0: all.",
    )
    window_s: float = Field(
        default=3600.0, gt=0, le=604800, description="The sliding window in which the three caps count."
    )
    per_rule: int | None = Field(
        default=6,
        ge=1,
        le=10000,
        description="Most notifications of one rule of one camera in the window; null: any number. This and the other "
        "caps count what matters as much or more; critical ones are neither counted nor held back.",
    )
    per_camera: int | None = Field(
        default=12, ge=1, le=10000, description="Most notifications of one camera in the window; null: any number."
    )
    per_site: int | None = Field(
        default=30, ge=1, le=10000, description="Most notifications of all cameras in the window; null: any number."
    )
    digest_s: float = Field(
        default=3600.0,
        gt=0,
        le=604800,
        description="How often one message sums up the events that a sink was not sent, if there are any.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.episode_s < self.merge_s:
            raise ValueError(f"episode_s ({self.episode_s:g}) must be at least merge_s ({self.merge_s:g})")
        return self


class WorkerOptions(Settings):
    """How many processes share a stage's work."""

    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes of this stage; results do not depend on it.",
    )


def _public(text: str) -> str:
    recipient(text)
    return text


RoleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class IntegrityOptions(Settings):
    """The chain of digests over all evidence."""

    enabled: bool = Field(default=True, description="Whether every event and file of evidence is taken note of.")
    key: str | None = Field(
        default=None,
        description="File of the key of this site (Ed25519, PEM), made if it is absent; relative to the YAML file. "
        "Default: $BARTIZAN_SITE_KEY, else ~/.config/bartizan/site.key.",
    )
    roles: dict[RoleName, Annotated[str, AfterValidator(_public)]] = Field(
        default_factory=dict,
        max_length=16,
        description="Who may see originals: name and public key (`age1...`, see `bartizan keys role`) of each role. "
        "With any, every original is sealed, and only the private key of a role opens it.",
    )

    @field_validator("roles")
    @classmethod
    def _keys_differ(cls, roles: dict[str, str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for name, public in roles.items():
            other = names.setdefault(public.lower(), name)
            if other != name:
                raise ValueError(f"{other} and {name} have the same key")
        return roles

    @property
    def recipients(self) -> tuple[bytes, ...]:
        """The public keys for which originals are sealed, 32 bytes each; none: they are not."""
        return tuple(recipient(public) for public in self.roles.values())


class RecordSource(Settings):
    """Which cameras are recorded, and from where."""

    cameras: tuple[str, ...] = Field(default=(), description="Cameras that are recorded; empty: all.")
    source: str = Field(
        default="",
        max_length=4096,
        repr=False,
        description="Where the video that is kept comes from, such as the camera's main stream while analysis has its "
        "sub-stream; empty: where analysis has its own. Only with one camera.",
    )


class ClassifyOptions(Settings):
    """When a classifier is asked and what about, whatever its kind."""

    name: str = Field(
        default="",
        max_length=64,
        pattern=r"^[A-Za-z0-9_]*$",
        description="Your name for it, by which rules and events call what it says; default: the kind.",
    )
    workers: int = Field(
        default=1, ge=1, le=64, description="Processes of this classifier; results do not depend on it."
    )
    cameras: tuple[str, ...] = Field(default=(), description="Cameras whose crops it looks at; empty: all.")
    classes: tuple[str, ...] = Field(default=(), description="Names of the classes it looks at; empty: all.")
    delay_s: float = Field(
        default=1.0,
        gt=0,
        le=60,
        description="Media time from a frame until what was said of it counts. Recordings wait for it; a live answer "
        "that comes later is `late`.",
    )
    every_s: float = Field(
        default=1.0, gt=0, le=3600, description="Between two crops of an object while the answers do not agree."
    )
    settled_every_s: float = Field(
        default=10.0, gt=0, le=86400, description="Between two crops of an object once five answers in a row agree."
    )
    min_px: int = Field(default=24, ge=1, le=4096, description="Least width and height of a crop, in pixels.")
