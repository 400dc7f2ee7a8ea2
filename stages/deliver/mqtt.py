"""Sink: a topic of an MQTT broker (3.1.1, https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/, and 5), with QoS 1."""

from typing import Any

from pipeline.errors import DeliveryError
from pipeline.messages import Event
from pipeline.redaction import register_secret
from stages.deliver.mqtt_link import MqttLink
from stages.deliver.mqtt_options import UNSAFE, MqttOptions
from stages.deliver.topic import filled


class MqttSink:
    """Publishes each message; the broker's PUBACK acknowledges it.

    While it runs, ``online`` is retained at the availability topic; ``offline`` when it ends, or when the broker misses
    it (last will).
    """

    Options = MqttOptions

    def __init__(self, options: MqttOptions) -> None:
        self._options = options
        self._link: MqttLink | None = None
        if options.password is not None:
            register_secret(options.password.get_secret_value())

    def open(self) -> None:
        """Connect, unless that is done. Raises ``DeliveryError``."""
        self._usable()

    def send(self, event: Event, *, key: str) -> None:
        """Publish one message. Raises ``DeliveryError`` or ``DeliveryRefused``."""
        body = self._options.payload(event, key)
        topic = filled(self._options.topic, event, UNSAFE)
        self._usable().publish(topic, body, retain=self._options.retain, properties=self._properties(event, key))

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
            link = MqttLink(self._options)
            try:
                link.connect()
            except DeliveryError:
                link.drop()
                raise
            self._link = link
        return self._link

    def _properties(self, event: Event, key: str) -> Any:
        """What MQTT 5 says beside the payload; None with 3.1.1."""
        if self._options.version != "5":
            return None
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.PayloadFormatIndicator = 1  # UTF-8
        properties.ContentType = self._options.media_type
        properties.UserProperty = [("idempotency-key", key), ("type", event.type)]
        if self._options.expiry_s is not None:
            properties.MessageExpiryInterval = self._options.expiry_s
        return properties
