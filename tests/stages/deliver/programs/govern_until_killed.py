"""Delivers through governors to a webhook and to a file until it is killed. Arguments: store, URL, file, options."""

import random
import sys
import time

from pipeline.clock import SystemClock
from pipeline.configuration.settings import GovernorOptions
from pipeline.stage import Sink
from pipeline.store.event_store import EventStore
from stages.deliver.governed import GovernedOutbox
from stages.deliver.jsonl import JsonLinesSink
from stages.deliver.options import JsonLinesOptions, RetryOptions
from stages.deliver.outbox import deliver_due
from stages.deliver.webhook import WebhookSink
from stages.deliver.webhook_options import WebhookOptions

path, url, file, options = sys.argv[1:]
sinks: dict[str, Sink] = {
    "hook": WebhookSink(WebhookOptions.model_validate({"url": url, "timeout_s": 0.2})),
    "file": JsonLinesSink(JsonLinesOptions.model_validate({"path": file, "fsync": False})),
}
retry, clock = RetryOptions(first_s=0.02, longest_s=0.05), SystemClock()
limits = GovernorOptions.model_validate_json(options)
with EventStore.open(path, analysis_sha256=None) as store:
    governed = {name: GovernedOutbox(store, store.decisions, name, limits, clock=clock, live=False) for name in sinks}
    print("ready", flush=True)
    while True:
        for name, sink in sinks.items():
            for outbox in (governed[name], store.digests):
                deliver_due(outbox, name, sink, retry=retry, live=False, clock=clock, random=random.random, limit=5)
            if not store.outbox_counts()[name]["pending"]:
                governed[name].flush()
        time.sleep(0.002)
