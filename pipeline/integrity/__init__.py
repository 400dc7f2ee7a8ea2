"""Proof that evidence is as it was taken: a signed chain of digests, checked by anybody."""
