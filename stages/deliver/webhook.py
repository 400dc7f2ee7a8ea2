"""Sink: one HTTP request per message, signed, with an idempotency key."""

import threading
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pipeline.clock import SECOND, Clock, SystemClock
from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.redaction import redact, register_secret
from stages.deliver.past import LooksBack
from stages.deliver.signature import HEADER, signature
from stages.deliver.tls import explain
from stages.deliver.webhook_options import WebhookOptions

if TYPE_CHECKING:
    import httpx

_RETRIED = {408, 425, 429}
_WRONG_CREDENTIALS = {401, 403, 407}
"""Says nothing against the message: it is tried until somebody puts right what is wrong."""
_NOBODY_THERE = {404, 405}
"""Nor does this: a proxy says it for a receiver that is away, and so does everybody at a wrong address."""
_HOPS = 3
_ANSWER_BYTES = 1 << 16
_SHOWN = 200


class WebhookSink(LooksBack):
    """Sends each message. Only a 2xx status acknowledges it.

    Errors of the network, 5xx, 408, 425, 429, wrong credentials, 404 and 405 and redirects to elsewhere are worth
    another try (``Retry-After`` is passed on); any other status refuses the message for good. A redirect is followed
    when it keeps method, scheme, host and port (307, 308). Proxies of the environment are not used: only the named host
    is called.
    """

    Options = WebhookOptions

    def __init__(self, options: WebhookOptions, *, clock: Clock | None = None) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        self._url = options.url.get_secret_value()
        self._name = _origin(self._url)
        self._headers = {name: value.get_secret_value() for name, value in options.headers.items()}
        self._secret = options.secret.get_secret_value() if options.secret else None
        self._client: httpx.Client | None = None
        for value in (*self._headers.values(), self._secret or ""):
            register_secret(value)

    def send(self, event: Event, *, key: str) -> None:
        """Send one message. Raises ``DeliveryError`` or ``DeliveryRefused``; neither text holds a credential."""
        import httpx

        body = self._options.payload(event, key, self._past)
        try:
            self._post_in_time(self._client or self._open(), body, key)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise DeliveryError(f"{self._name} did not answer in time ({type(error).__name__})") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryError(f"{self._name} cannot be reached: {_line(explain(error))}") from error
        except OSError as error:
            files = self._options.ca_file or "", self._options.cert_file or "", self._options.key_file or ""
            raise DeliveryError(f"{self._name}: certificates {' '.join(map(str, files))}: {explain(error)}") from error

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> "httpx.Client":
        import httpx

        timeout = httpx.Timeout(self._options.timeout_s, connect=self._options.connect_timeout_s)
        trust = self._options.context()
        self._client = httpx.Client(timeout=timeout, verify=trust, trust_env=False, follow_redirects=False)
        return self._client

    def _post_in_time(self, client: "httpx.Client", body: bytes, key: str) -> None:
        """Post, and cut the connection when the whole takes too long: the timeouts of httpx begin anew with each byte
        that drips in."""
        import httpx

        whole_s = self._options.connect_timeout_s + 2 * self._options.timeout_s
        watch = threading.Timer(whole_s, client.close)
        watch.start()
        try:
            self._post(client, body, key)
        except httpx.HTTPError as error:
            if client.is_closed:
                raise TimeoutError(f"more than {whole_s} s") from error
            raise
        finally:
            watch.cancel()
            watch.join()
            if client.is_closed:
                self._client = None

    def _post(self, client: "httpx.Client", body: bytes, key: str) -> None:
        url = self._url
        for _ in range(_HOPS):
            headers = self._request_headers(body, key)
            with client.stream(self._options.method, url, content=body, headers=headers) as response:
                answer = self._answer(response)
                onward = self._onward(url, response)
                if onward is None:
                    return self._judge(response, answer)
            url = onward
        raise DeliveryError(f"{self._name} redirects in circles")

    def _onward(self, url: str, response: "httpx.Response") -> str | None:
        """Where to post again: at the same host only, and only if the status keeps the method."""
        if response.status_code not in (307, 308):
            return None
        try:
            target = urljoin(url, response.headers.get("location", ""))
            return target if _origin(target) == self._name else None
        except ValueError:
            return None

    def _request_headers(self, body: bytes, key: str) -> dict[str, str]:
        kind = self._options.media_type
        headers = {"User-Agent": "bartizan", **self._headers, "Content-Type": kind, "Idempotency-Key": key}
        if self._secret is not None:
            headers[HEADER] = signature(self._secret, self._clock.wall_ns() // SECOND, body)
        return headers

    def _answer(self, response: "httpx.Response") -> str:
        """The beginning of the answer's text. The status is what counts, so a body that breaks off or drips is cut."""
        import httpx

        deadline, text = time.monotonic() + self._options.timeout_s, b""
        try:
            for chunk in response.iter_raw():
                text += chunk
                if len(text) > _ANSWER_BYTES or time.monotonic() > deadline:
                    break
        except httpx.HTTPError:
            pass
        return _line(text[: 4 * _SHOWN].decode(errors="replace"))

    def _judge(self, response: "httpx.Response", answer: str) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        text = f"{self._name} answered {status} {response.reason_phrase}".rstrip() + (f": {answer}" if answer else "")
        if 300 <= status < 400:
            raise DeliveryError(f"{text} (a redirect to another place, which is not followed)")
        if status in _WRONG_CREDENTIALS:
            raise DeliveryError(f"{text} (are user and password of the address, headers and secret right?)")
        if status in _NOBODY_THERE:
            raise DeliveryError(f"{text} (is the address right, and is the receiver running behind it?)")
        if status >= 500 or status in _RETRIED or status < 200:
            wait_s = _wait_s(response.headers.get("retry-after"), self._clock.wall_ns())
            raise DeliveryError(text, retry_after_s=wait_s)
        raise DeliveryRefused(text)


def _origin(url: str) -> str:
    """Scheme, host and port: all of an address that is safe to show."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}:{port}"


def _line(text: str) -> str:
    """One printable line without credentials, of readable length."""
    printable = "".join(character if character.isprintable() else " " for character in redact(text))
    return " ".join(printable.split())[:_SHOWN]


def _wait_s(retry_after: str | None, now_ns: int) -> float | None:
    """``Retry-After`` (RFC 9110, 10.2.3): seconds or a date; None when absent or unreadable."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(aware.timestamp() - now_ns / SECOND, 0.0)
