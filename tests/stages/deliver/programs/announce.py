"""Is there for an MQTT broker, until it is killed. Arguments: options as JSON, the result folder."""

import sys
import time
from pathlib import Path

from stages.deliver.mqtt import MqttSink
from stages.deliver.mqtt_options import MqttOptions

options, out = sys.argv[1:]
sink = MqttSink(MqttOptions.model_validate_json(options))
sink.look_in(Path(out))
sink.open()
print("ready", flush=True)
time.sleep(600)
