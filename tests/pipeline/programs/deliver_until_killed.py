"""Marks the messages of one sink as delivered until it is killed. Arguments: store, sink."""

import sys
import time

from pipeline.store.event_store import EventStore

path, sink = sys.argv[1:]
with EventStore.open(path, analysis_sha256="a") as store:
    while True:
        rows = store.pending(sink, time.time_ns())
        for row in rows:
            store.delivered(row)
            print(row.number, flush=True)
        time.sleep(0 if rows else 0.002)
