"""Webhooks with a signature, in the form of Standard Webhooks (version 1, symmetric).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
The key is plain text; there it is bytes, written as `whsec_` and base64.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from uuid import UUID

from box_office.providers import Hint

#: An older or newer one may be somebody's recording.
TOLERANCE_SECONDS = 300
BODY_BYTES_MAX = 65_536
ID_LENGTH_MAX = 200


def sign(key: str, hint_id: str, timestamp: int, body: bytes) -> str:
    """Sign a webhook: HMAC-SHA256 over its id, its time and its body."""
    content = b".".join((hint_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(key.encode(), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers_of(key: str, hint_id: str, body: bytes) -> dict[str, str]:
    """Give the headers of a webhook that is sent now."""
    timestamp = int(time.time())
    return {
        "content-type": "application/json",
        "webhook-id": hint_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(key, hint_id, timestamp, body),
    }


def read(key: str, headers: Mapping[str, str], body: bytes) -> Hint | None:
    """Read a webhook; None: whoever holds the key has not sent this, or not now."""
    hint_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if len(body) > BODY_BYTES_MAX or not 0 < len(hint_id) <= ID_LENGTH_MAX:
        return None
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= len("99999999999")):
        return None
    if abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        return None
    expected = sign(key, hint_id, int(sent_at), body).encode()
    # Several signatures may stand side by side while a key is being changed.
    signatures = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected, given.encode()) for given in signatures):
        return None
    return _hint(hint_id, body)


def _hint(hint_id: str, body: bytes) -> Hint | None:
    """Read what a signed webhook is about."""
    try:
        return Hint(hint_id, UUID(json.loads(body)["payment_id"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
