"""How the tables of the event store came to be, step by step, there and back; run by ``pipeline.store.migration``."""
