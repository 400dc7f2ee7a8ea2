"""Whether metrics are served, and where."""

from pydantic import Field

from pipeline.configuration.settings.settings import Settings


class MetricsOptions(Settings):
    """Prometheus metrics (``/metrics``) and health (``/healthz``) of the whole run, on one port."""

    enabled: bool = Field(default=False, description="Serve metrics and health over HTTP.")
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on; others can read it off loopback."
    )
    port: int = Field(default=9100, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
