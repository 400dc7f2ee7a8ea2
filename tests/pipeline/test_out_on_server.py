"""An output directory whose events lie on a server: it knows where, and is not mixed up with another."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.configuration.settings import StoreOptions
from pipeline.errors import CannotStart, StoreError, UsageError
from pipeline.out_directory import claimed_out, prepare_out
from tests.postgres import PASSWORD, Postgres


@pytest.fixture
def plain(tmp_path: Path) -> PipelineConfig:
    (tmp_path / "gate.mp4").touch()
    return default_config([str(tmp_path / "gate.mp4")], out=tmp_path / "results")


@pytest.fixture
def served(plain: PipelineConfig, postgres: Postgres) -> PipelineConfig:
    return on(plain, postgres.url)


def on(config: PipelineConfig, url: str, name: str = "") -> PipelineConfig:
    return replace(config, store=StoreOptions(url=SecretStr(url), name=name))


def prepare(config: PipelineConfig, analysis: str = "a", *, overwrite: bool = False) -> Path:
    with claimed_out(config) as out:
        prepare_out(config, out, analysis, overwrite=overwrite)
        return out


def name_in(out: Path) -> str:
    return str(json.loads((out / "store.json").read_text())["name"])


def test_a_run_that_goes_on_finds_its_events_under_the_same_name(served: PipelineConfig) -> None:
    out = prepare(served)
    name = name_in(out)
    assert PASSWORD not in (out / "store.json").read_text()
    assert name_in(prepare(served)) == name
    with pytest.raises(UsageError, match="--overwrite"):
        prepare(served, "b")
    assert name_in(prepare(served, "b", overwrite=True)) == name
    assert not (out / "events.db").exists()


def test_a_given_name_is_taken_and_then_kept(served: PipelineConfig, postgres: Postgres, tmp_path: Path) -> None:
    name = f"north_{tmp_path.name[-20:].lower().replace('-', '_')}"
    out = prepare(on(served, postgres.url, name))
    assert name_in(out) == name
    assert name_in(prepare(served)) == name
    with pytest.raises(UsageError, match=f"its events lie under the name {name}, not south"):
        prepare(on(served, postgres.url, "south"))


def test_events_do_not_move_from_a_file_to_a_server_or_back(
    plain: PipelineConfig, postgres: Postgres, tmp_path: Path
) -> None:
    prepare(plain)
    with pytest.raises(UsageError, match=r"its events lie in events\.db, not at store\.url"):
        prepare(on(plain, postgres.url))
    other = replace(plain, out=tmp_path / "other")
    prepare(on(other, postgres.url))
    with pytest.raises(UsageError, match=r"its events lie on a server \(store\.json\): give store\.url"):
        prepare(other)
    out = prepare(other, overwrite=True)
    assert (out / "events.db").exists()
    assert not (out / "store.json").exists()


def test_a_server_that_cannot_be_reached_leaves_no_trace(plain: PipelineConfig) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(CannotStart, match="connection refused"):
        prepare(on(plain, "postgresql://me:hunter2@127.0.0.1:1/events"))
    assert not (plain.out / "store.json").exists()
    prepare(plain)


def test_a_run_whose_events_were_dropped_does_not_begin_anew_behind_its_logs(
    served: PipelineConfig, postgres: Postgres
) -> None:
    out = prepare(served)
    (out / "logs" / "gate.log").write_bytes(b"frames")
    postgres.ask(f'DROP SCHEMA "{name_in(out)}" CASCADE')
    with pytest.raises(StoreError, match="there is none"):
        prepare(served)
    prepare(served, overwrite=True)
    assert list((out / "logs").iterdir()) == []
