import base64
import hashlib
import hmac
import time


def is_from_sandi(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether Sandi sent a request, in the last five minutes. `body` is the raw body, before any parser."""
    id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    given = headers.get("webhook-signature", "").encode()
    return any(hmac.compare_digest(expected, each) for each in given.split(b" "))
