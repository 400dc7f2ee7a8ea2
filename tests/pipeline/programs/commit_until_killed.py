"""Commits events of one camera, one after another, until it is killed. Arguments: store, camera."""

import sys

from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event

path, camera = sys.argv[1:]
with EventStore.open(path, analysis_sha256="a") as store:
    position = store.position(camera)
    done = position.log_records if position else 0
    while True:
        events = [sample_event(camera, done + 1), sample_event(camera, done + 2)]
        done += 2
        store.commit(camera, events, Position(b"s" * done, done * 10, done), lambda event: ["hook", "file"])
        print(done, flush=True)
