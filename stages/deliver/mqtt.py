"""Sink: a topic of an MQTT broker (3.1.1, https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/, and 5), with QoS 1."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.redaction import register_secret
from stages.deliver.home_assistant_voice import HomeAssistantVoice
from stages.deliver.mqtt_link import MqttLink
from stages.deliver.mqtt_options import MqttOptions
from stages.deliver.mqtt_voice import Cameras, PlainVoice, Post, Voice
from stages.deliver.past import Past

logger = logging.getLogger(__name__)


class MqttSink:
    """Publishes each message; the broker's PUBACK acknowledges it.

    While it runs, ``online`` is retained at the availability topic; ``offline`` when it ends, or when the broker misses
    it (last will).
    """

    Options = MqttOptions

    def __init__(self, options: MqttOptions) -> None:
        self._options = options
        self._link: MqttLink | None = None
        self._refused_bytes: int | None = None
        """Of the smallest picture that the broker did not take."""
        is_home = options.dialect == "home_assistant"
        self._voice: Voice = HomeAssistantVoice(options) if is_home else PlainVoice(options)
        if options.password is not None:
            register_secret(options.password.get_secret_value())

    def meet(self, cameras: Cameras) -> None:
        """Which cameras there are."""
        self._voice.cameras = cameras

    def look_in(self, out: Path) -> None:
        """Where the result folder is, in which snapshots lie."""
        self._voice.out = out

    def look_back(self, past: Past) -> None:
        """Where to ask for what came before."""
        self._voice.past = past

    def open(self) -> None:
        """Connect, unless that is done, and answer who asks for us. Raises ``DeliveryError``."""
        self._usable()

    def send(self, event: Event, *, key: str) -> None:
        """Publish one message; a picture that the broker refuses is left out. Raises ``DeliveryError`` or
        ``DeliveryRefused``."""
        said = [("idempotency-key", key), ("type", event.type)]
        for post in list(self._voice.posts(event, key)):
            if post.is_extra and self._refused_bytes is not None and len(post.body) >= self._refused_bytes:
                continue
            link = self._usable()
            try:
                self._publish(link, [post], said)
            except DeliveryRefused as error:
                if not post.is_extra:
                    raise
                self._leave_out(post, error)

    def close(self) -> None:
        """Say goodbye and disconnect; safe to call twice."""
        link, self._link = self._link, None
        if link is not None and link.is_usable:
            link.leave()
        elif link is not None:
            link.drop()

    def _usable(self) -> MqttLink:
        if self._link is not None and not self._link.is_usable:
            link, self._link = self._link, None
            link.drop()
        if self._link is None:
            link = MqttLink(self._options, self._options.client_id_for(self._voice.out))
            try:
                link.connect()
            except DeliveryError:
                link.drop()
                raise
            self._link = link
        if self._link.asked():
            try:
                self._publish(self._link, self._voice.greeting(), [])
            except DeliveryRefused as error:  # no event is to blame for it
                raise DeliveryError(str(error)) from error
        return self._link

    def _leave_out(self, post: Post, error: DeliveryRefused) -> None:
        if self._refused_bytes is None:
            logger.warning("sink %s: %s; alerts go on without pictures that it refuses", self._options.name, error)
        self._refused_bytes = len(post.body)

    def _publish(self, link: MqttLink, posts: Iterable[Post], said: list[tuple[str, str]]) -> None:
        for post in posts:
            retain = post.retain and not self._options.is_trial
            link.publish(post.topic, post.body, retain=retain, properties=self._properties(post, said))

    def _properties(self, post: Post, said: list[tuple[str, str]]) -> Any:
        """What MQTT 5 says beside the payload; None with 3.1.1."""
        if self._options.version != "5":
            return None
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.PayloadFormatIndicator = int(not post.content_type.startswith("image/"))  # UTF-8
        properties.ContentType = post.content_type
        if said:
            properties.UserProperty = said
        if self._options.expiry_s is not None and not post.retain:
            properties.MessageExpiryInterval = self._options.expiry_s
        return properties
