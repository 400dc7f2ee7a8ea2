"""Delivers what a store's outbox holds to a webhook and to a file until it is killed. Arguments: store, URL, file."""

import random
import sys
import time

from pipeline.clock import SystemClock
from pipeline.stage import Sink
from pipeline.store.event_store import EventStore
from stages.deliver.jsonl import JsonLinesSink
from stages.deliver.options import JsonLinesOptions, RetryOptions
from stages.deliver.outbox import deliver_due
from stages.deliver.webhook import WebhookSink
from stages.deliver.webhook_options import WebhookOptions

path, url, file = sys.argv[1:]
sinks: dict[str, Sink] = {
    "hook": WebhookSink(WebhookOptions.model_validate({"url": url, "timeout_s": 0.2})),
    "file": JsonLinesSink(JsonLinesOptions.model_validate({"path": file, "fsync": False})),
}
retry = RetryOptions(first_s=0.02, longest_s=0.05)
with EventStore.open(path, analysis_sha256=None) as store:
    print("ready", flush=True)
    while True:
        for name, sink in sinks.items():
            deliver_due(store, name, sink, retry=retry, live=False, clock=SystemClock(), random=random.random, limit=5)
        time.sleep(0.002)
