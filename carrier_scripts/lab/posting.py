"""A text message or a call as its provider posts it: in the Standard Webhooks form, as Twilio does, as the app on an office phone does."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from standardwebhooks import Webhook

FORMS = ("standard", "twilio", "gateway")


def post(form: str, key: str, url: str, message: Mapping[str, Any], at: datetime) -> tuple[bytes, dict[str, str]]:
    """Body and headers. `message`: id, to, sender, text, sent_at, and said (`text` or `transcript`); `at`: true time."""
    if form == "twilio":
        return _twilio(key, url, message)
    if form == "gateway":
        return _gateway(key, message, at)
    told = {"endpoint": message["to"], "from": message["sender"], message["said"]: message["text"]}
    body = json.dumps({**told, "id": message["id"], "sent_at": message["sent_at"]})
    return body.encode(), {
        "content-type": "application/json",
        "webhook-id": message["id"],
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(message["id"], at, body),
    }


def _twilio(key: str, url: str, message: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """twilio.com/docs/usage/security: HMAC-SHA1 over the address and the sorted parameters."""
    sid = hashlib.sha256(message["id"].encode()).hexdigest()[:32]
    told = {"From": message["sender"], "To": message["to"], "AccountSid": "AC" + "0" * 32}
    if message["said"] == "transcript":
        told |= {"TranscriptionSid": f"TR{sid}", "TranscriptionText": message["text"]}
    else:
        told |= {"MessageSid": f"SM{sid}", "Body": message["text"], "NumMedia": "0"}
    signed = url + "".join(f"{name}{told[name]}" for name in sorted(told))
    signature = base64.b64encode(hmac.digest(key.encode(), signed.encode(), hashlib.sha1)).decode()
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    return urlencode(told).encode(), headers


def _gateway(key: str, message: Mapping[str, Any], at: datetime) -> tuple[bytes, dict[str, str]]:
    """docs.sms-gate.app, Webhooks: HMAC-SHA256 in hexadecimal over body and timestamp."""
    told = {"messageId": message["id"], "message": message["text"], "phoneNumber": message["sender"], "simNumber": 1}
    payload = told | {"recipient": message["to"], "receivedAt": at.isoformat(timespec="milliseconds")}
    body = json.dumps(
        {
            "deviceId": "office-phone",
            "event": "sms:received",
            "id": f"evt-{message['id']}",
            "payload": payload,
            "webhookId": "codes",
        }
    ).encode()
    stamp = str(int(at.timestamp()))
    signature = hmac.digest(key.encode(), body + stamp.encode(), "sha256").hex()
    return body, {"content-type": "application/json", "x-timestamp": stamp, "x-signature": signature}
