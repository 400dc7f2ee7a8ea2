"""Sink: NATS JetStream (https://docs.nats.io/nats-concepts/jetstream). The stream drops what it has already, by the
idempotency key, within its own window (two minutes unless the stream says otherwise)."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.redaction import redact, register_secret
from stages.deliver.nats_options import UNSAFE, NatsOptions
from stages.deliver.past import LooksBack
from stages.deliver.tls import explain
from stages.deliver.topic import filled

if TYPE_CHECKING:
    from nats.aio.client import Client

Result = TypeVar("Result")
_CLOSE_S = 2.0
_DROP_S = 0.2


class NatsSink(LooksBack):
    """Publishes each message; the stream's PubAck acknowledges it. The client lives on an event loop in a thread of its
    own, so that it answers the server's pings while there is nothing to send."""

    Options = NatsOptions

    def __init__(self, options: NatsOptions) -> None:
        self._options = options
        self._name = f"NATS {', '.join(options.servers)}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: Client | None = None
        self._trouble = ""
        for secret in (options.password, options.token):
            register_secret(secret.get_secret_value() if secret else "")

    def send(self, event: Event, *, key: str) -> None:
        """Publish one message. Raises ``DeliveryError`` or ``DeliveryRefused``."""
        body = self._options.payload(event, key, self._past)
        subject = filled(self._options.subject, event, UNSAFE)
        longest_s = self._options.connect_timeout_s + self._options.timeout_s
        try:
            self._run(self._publish(subject, body, key), 2 * longest_s)
        except DeliveryError:
            raise
        except (TimeoutError, CancelledError) as error:
            why = f"cannot be reached: {self._trouble}" if self._trouble else "did not answer in time"
            raise DeliveryError(redact(f"{self._name} {why}")) from error
        except Exception as error:  # a library of many errors
            raise DeliveryError(redact(f"{self._name} {self._failure(error)}")) from error

    def close(self) -> None:
        """Disconnect; safe to call twice."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._disconnect(), loop)
        thread.join(2 * _CLOSE_S)

    def _failure(self, error: Exception) -> str:
        why = self._trouble or explain(error)
        if "authorization violation" in why.lower():
            return "refuses the connection: are username and password, or the token, right?"
        return f"cannot be reached: {why}"

    # ---- on the loop

    async def _publish(self, subject: str, body: bytes, key: str) -> None:
        from nats.errors import MaxPayloadError
        from nats.js.errors import APIError, NoStreamResponseError

        options = self._options
        client = await self._connected()
        headers = {"Nats-Msg-Id": key, "Content-Type": options.media_type}
        try:
            stream = client.jetstream(timeout=options.timeout_s)
            await stream.publish(subject, body, timeout=options.timeout_s, stream=options.stream, headers=headers)
        except NoStreamResponseError as error:
            raise DeliveryError(f"{self._name}: no stream takes subject {subject!r}: add it to one") from error
        except APIError as error:
            text = f"{self._name} refuses the message: {error.description}"
            raise DeliveryRefused(text) if error.code == 400 else DeliveryError(text) from error
        except MaxPayloadError as error:
            text = f"its {len(body):,} bytes are more than the server takes (max_payload: {client.max_payload:,})"
            raise DeliveryRefused(f"{self._name} refuses the message: {text}") from error
        except TimeoutError as error:
            await self._drop()
            why = f"did not acknowledge within {options.timeout_s:g} s"
            raise DeliveryError(f"{self._name} {why}") from error

    async def _connected(self) -> "Client":
        from nats.aio.client import Client

        if self._client is not None and self._client.is_connected:
            return self._client
        await self._drop()
        self._trouble = ""
        options = self._options
        known: dict[str, Any] = {}
        if any(server.startswith("tls:") for server in options.servers):
            known["tls"] = options.context()
        if options.username is not None and options.password is not None:
            known |= {"user": options.username, "password": options.password.get_secret_value()}
        if options.token is not None:
            known["token"] = options.token.get_secret_value()
        client = Client()
        connecting = client.connect(
            list(options.servers),
            name="bartizan",
            allow_reconnect=False,
            connect_timeout=max(round(options.connect_timeout_s), 1),
            error_cb=self._note,
            **known,
        )
        try:
            await asyncio.wait_for(connecting, options.connect_timeout_s)
        except BaseException:
            with suppress(Exception):  # after a handshake that failed it waits for a goodbye that never comes
                await asyncio.wait_for(client.close(), _DROP_S)
            raise
        self._client = client
        return client

    async def _note(self, error: Exception) -> None:
        self._trouble = self._trouble or explain(error)

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _disconnect(self) -> None:
        try:
            await asyncio.wait_for(self._drop(), _CLOSE_S)
        finally:
            await asyncio.sleep(0)  # closed transports say so to their protocols in the next round
            asyncio.get_running_loop().stop()

    # ---- the loop

    def _run(self, work: Coroutine[Any, Any, Result], longest_s: float) -> Result:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name="nats", daemon=True)
            self._thread.start()
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return done.result(longest_s)
        except TimeoutError:
            done.cancel()
            raise


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
