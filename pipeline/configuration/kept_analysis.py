"""``analysis.json``: what a run was told about tracks and alerts, beside its results, so that other rules can be tried
on what it stored. It holds no address and no credentials of a camera."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pipeline.configuration.analysis import analysis_of, digest_of, rules_of
from pipeline.configuration.config import (
    ClassifyConfig,
    PipelineConfig,
    RuleConfig,
    StageConfig,
    classify_from_spec,
    classify_to_spec,
    rules_from_spec,
    rules_to_spec,
    stage_from_spec,
    stage_to_spec,
)
from pipeline.errors import UsageError
from pipeline.redaction import redact
from pipeline.registry import ALERTS, TRACKERS
from pipeline.whole_file import write_whole

FILE = "analysis.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnalysis:
    """What decides how the logs of a run are read, and what else ``analysis_sha256`` covers."""

    covered: Mapping[str, Any]
    """What ``analysis_sha256`` covers, as ``analysis_of`` gave it when the run began."""
    cameras: Mapping[str, bool]
    """Whether each is live; in source order."""
    track: StageConfig
    alert: StageConfig
    classify: tuple[ClassifyConfig, ...]
    rules: tuple[RuleConfig, ...]

    @classmethod
    def of(cls, config: PipelineConfig) -> Self:
        """What there is to keep of a configuration. Reads the weight files, for their digests."""
        return cls(
            covered=analysis_of(config),
            cameras={name: config.is_live(name) for name in config.cameras},
            track=config.track,
            alert=config.alert,
            classify=config.classify,
            rules=config.rules,
        )

    @property
    def sha256(self) -> str:
        """``analysis_sha256`` of the run."""
        return digest_of(self.covered)

    @property
    def clips(self) -> frozenset[str]:
        """Cameras whose events have clips."""
        return frozenset(self.covered.get("clips", ()))

    def with_rules(self, rules: tuple[RuleConfig, ...]) -> Self:
        """The same with other rules, which is what a run would keep that differs in nothing else. Reads the files that
        they name."""
        return replace(self, covered={**self.covered, "rules": rules_of(rules)}, rules=rules)

    def write(self, out: Path) -> None:
        """Keep it in an output directory, without the secrets that options of the user's own may hold. Raises
        ``OSError``."""
        kept = {
            "covered": self.covered,
            "cameras": self.cameras,
            "track": stage_to_spec(self.track),
            "alert": stage_to_spec(self.alert),
            "classify": classify_to_spec(self.classify),
            "rules": rules_to_spec(self.rules),
        }
        write_whole(out / FILE, [json.dumps(_redacted(kept), indent=1).encode(), b"\n"])

    @classmethod
    def read(cls, out: Path) -> Self:
        """The inverse of ``write``. Raises ``UsageError`` where there is none, or none that this version reads."""
        path = out / FILE
        try:
            kept = json.loads(path.read_bytes())
            return cls(
                covered=kept["covered"],
                cameras={str(name): bool(live) for name, live in kept["cameras"].items()},
                track=stage_from_spec(kept["track"], TRACKERS),
                alert=stage_from_spec(kept["alert"], ALERTS),
                classify=classify_from_spec(kept["classify"]),
                rules=rules_from_spec(kept["rules"]),
            )
        except FileNotFoundError:
            problem = "there is none: name the --out of a run of this version"
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"was not written by this version ({' '.join(str(error).split())[:200]})"
        raise UsageError(f"{path}: {problem}")


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {key: _redacted(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_redacted(inner) for inner in value]
        case _:
            return value
