"""The signature of a webhook, by which its receiver knows that a request is ours, whole and recent."""

import hashlib
import hmac

HEADER = "X-Bartizan-Signature"


def signature(secret: str, timestamp_s: int, body: bytes) -> str:
    """Value of the header: ``t=<Unix seconds>,v1=<hex>``, where v1 is HMAC-SHA-256 (RFC 2104) over ``t.body``.

    The receiver computes the same over the raw body, compares in constant time, and refuses a ``t`` that is too old.
    """
    digest = hmac.new(secret.encode(), f"{timestamp_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp_s},v1={digest}"
