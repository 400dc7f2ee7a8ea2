"""Fetch one file over http(s), taking up where an earlier attempt was cut off. The only code here that uses a network.

What arrives lies beside its target under another name until somebody has verified it.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin, urlsplit

from pipeline.errors import CannotStart, UsageError
from pipeline.redaction import redact

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 5
MOST_CUTS = 5
"""How often a transfer may break off, having brought something each time, before the user is told."""
LARGEST = 8 << 30
"""Bytes of a file whose size nobody stated."""

Tell = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Told bytes so far, and bytes in all (0 if unknown)."""


class _Cut(Exception):
    """The transfer broke off; what came so far is kept."""


@dataclass(frozen=True, slots=True)
class Download:
    """How to fetch. ``insecure`` also allows http to other machines; ``size`` is 0 where it is not known."""

    insecure: bool = False
    timeout_s: float = 30.0
    """Longest silence of the server."""
    size: int = 0
    tell: Tell = lambda line: None
    progress: Progress = lambda done, total: None

    def fetch(self, url: str, part: Path, *, resume: bool) -> None:
        """Fetch ``url`` into ``part``, flushed to the disk; with ``resume`` after what is there already.

        Raises ``CannotStart`` with one line; what came so far stays in ``part`` where going on makes sense.
        """
        import httpx

        if not resume:
            part.unlink(missing_ok=True)
        before = -1
        try:
            with httpx.Client(timeout=self.timeout_s, headers={"Accept-Encoding": "identity"}) as client:
                for _ in range(MOST_CUTS):
                    try:
                        self._attempt(client, url, part)
                        return
                    except _Cut as cut:
                        size = _size(part)
                        if size <= before or size == 0:
                            raise CannotStart(self._cut_off(url, size, cut)) from cut
                        before = size
                        self.tell(f"cut off after {size} bytes, going on from there")
                raise CannotStart(self._cut_off(url, _size(part), "it breaks off again and again"))
        except httpx.HTTPError as error:
            raise CannotStart(f"{redact(url)}: {_reason(error)}") from error
        except OSError as error:
            raise CannotStart(f"{part.parent}: cannot be written: {error.strerror}") from error

    def _cut_off(self, url: str, size: int, reason: object) -> str:
        return f"{redact(url)}: cut off after {size} bytes ({reason}); run the same command again to go on from there"

    def _attempt(self, client: "httpx.Client", url: str, part: Path) -> None:
        for _ in range(MOST_REDIRECTS + 1):
            self._require_allowed(url)
            have = _size(part)
            headers = {"Range": f"bytes={have}-"} if have else {}
            with client.stream("GET", url, headers=headers) as response:
                if response.status_code == 416 and have:
                    part.unlink()  # the server has less than what was kept: from the beginning
                elif response.has_redirect_location:
                    url = self._redirected(url, response.headers["location"])
                else:
                    self._receive(response, part, have)
                    return
        raise CannotStart(f"{redact(url)}: redirected more than {MOST_REDIRECTS} times")

    def _redirected(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        if old.scheme == "https" and new.scheme != "https" and not self.insecure:
            raise CannotStart(f"{redact(url)}: redirected to {redact(target)}, which is not encrypted; not followed")
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            self.tell(f"redirected to {new.scheme}://{new.hostname}")
        return target

    def _require_allowed(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "https" or (
            parts.scheme == "http" and (self.insecure or _is_loopback(parts.hostname or ""))
        ):
            return
        raise UsageError(f"{redact(url)}: not encrypted, so not fetched; take https, or say --insecure")

    def _receive(self, response: "httpx.Response", part: Path, have: int) -> None:
        if response.status_code not in (200, 206):
            raise CannotStart(f"{redact(str(response.url))}: {response.status_code} {response.reason_phrase}".rstrip())
        if response.status_code == 206 and not response.headers.get("content-range", "").startswith(f"bytes {have}-"):
            part.unlink(missing_ok=True)
            raise CannotStart(f"{redact(str(response.url))}: the server sent another part than was asked for")
        done = have if response.status_code == 206 else 0
        announced = int(response.headers.get("content-length", "0") or 0)
        total = done + announced if announced else self.size
        if total:
            self._require_size(response, part, total, ended=True)
        _require_room(part, total - done)
        with part.open("r+b" if done else "wb") as file:
            file.seek(done)
            try:
                self._copy(response, part, file, total)
            finally:
                file.flush()
                os.fsync(file.fileno())

    def _copy(self, response: "httpx.Response", part: Path, file: BinaryIO, total: int) -> None:
        import httpx

        try:
            for chunk in response.iter_raw():
                file.write(chunk)
                self._require_size(response, part, file.tell(), ended=False)
                self.progress(file.tell(), total)
        except (httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout) as error:
            raise _Cut(_reason(error)) from error
        self._require_size(response, part, file.tell(), ended=True)

    def _require_size(self, response: "httpx.Response", part: Path, size: int, *, ended: bool) -> None:
        """Raises ``CannotStart``, and keeps nothing, if a file of ``size`` so far is not the one wanted."""
        limit = self.size or LARGEST
        if size <= limit and not (ended and self.size and size < self.size):
            return
        part.unlink(missing_ok=True)
        wanted = f"the model has {self.size}: this is another file" if self.size else f"{limit} are allowed"
        raise CannotStart(f"{redact(str(response.url))}: has {size} bytes, {wanted}; nothing is kept")


def _require_room(part: Path, size: int) -> None:
    room = shutil.disk_usage(part.parent).free
    if size > room:
        raise CannotStart(f"{part.parent}: {size} bytes more are needed, and the disk has room for {room}")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(error: Exception) -> str:
    kind = type(error).__name__
    plain = {"ReadTimeout": "no answer in time", "ConnectTimeout": "cannot be reached in time"}
    return plain.get(kind, redact(str(error)) or kind)
