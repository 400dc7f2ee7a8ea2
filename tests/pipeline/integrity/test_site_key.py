import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import CannotStart
from pipeline.integrity.site_key import SiteKey, is_signed_by, key_path

DIGEST = "ab" * 32


def test_a_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "site.key"
    first = SiteKey.load(path)
    assert SiteKey.load(path).public == first.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["site.key"]


def test_of_two_that_make_it_at_once_both_use_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda number: SiteKey.load(tmp_path / "site.key").public, range(8)))
    assert len(set(keys)) == 1


def test_a_signature_holds_for_its_digest_and_its_key_alone(tmp_path: Path) -> None:
    key, other = SiteKey.load(tmp_path / "a.key"), SiteKey.load(tmp_path / "b.key")
    signature = key.sign(DIGEST)
    assert is_signed_by(key.public, DIGEST, signature)
    assert not is_signed_by(other.public, DIGEST, signature)
    assert not is_signed_by(key.public, "00" * 32, signature)
    assert not is_signed_by(key.public, DIGEST, signature[:-2] + "zz")
    assert not is_signed_by(key.public, DIGEST, "")


def test_what_is_no_key_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    path.write_text("hello")
    with pytest.raises(CannotStart, match=r"site\.key: is no Ed25519 key"):
        SiteKey.load(path)


def test_the_key_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BARTIZAN_SITE_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert key_path() == tmp_path / "bartizan" / "site.key"
    monkeypatch.setenv("BARTIZAN_SITE_KEY", str(tmp_path / "mine.pem"))
    assert key_path() == tmp_path / "mine.pem"
