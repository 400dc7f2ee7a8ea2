"""The event store: events, outbox and positions in one transaction, and what is rendered from them."""
