"""Tasks by name over Celery: each message is a signed hint with one row id.

The signature is an HMAC under a key derived from the root key, so that whoever can write to the message broker still
cannot make a worker look twice at anything (and looking is all a worker does on a message).
"""

import hmac
from functools import cached_property
from typing import TYPE_CHECKING

from broker.base.clock import Clock, SystemClock
from broker.ports.keyring import Keyring

if TYPE_CHECKING:
    from celery import Celery

STALE_S = 3600
APP = "portunus"
SERIALIZER = "json"


class CeleryQueue:
    def __init__(self, redis_url: str, keyring: Keyring, clock: Clock | None = None) -> None:
        self._redis_url = redis_url
        self._keyring = keyring
        self._clock = clock or SystemClock()

    def enqueue(self, task: str, row_id: str) -> None:
        from kombu.exceptions import OperationalError

        sent = int(self._clock.now().timestamp())
        try:
            self._celery.send_task(
                f"{APP}.{task}",
                args=[row_id, sent, self.signature(task, row_id, sent)],
                retry=False,
                ignore_result=True,
            )
        except (OperationalError, OSError):
            return  # a hint only: the sweeper finds the row

    def signature(self, task: str, row_id: str, sent: int) -> str:
        """Hexadecimal HMAC-SHA-256 over the whole message."""
        return hmac.digest(self._key, f"{task}\n{row_id}\n{sent}".encode("utf-8", "replace"), "sha256").hex()

    def genuine(self, task: str, row_id: object, sent: object, signature: object) -> bool:
        """Whether this message was sent by us within the hour. Whatever it holds, it raises nothing."""
        if not isinstance(row_id, str) or type(sent) is not int or not isinstance(signature, str):
            return False
        now = int(self._clock.now().timestamp())
        if abs(now - sent) > STALE_S:
            return False
        expected = self.signature(task, row_id, sent)
        return hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode())

    @cached_property
    def _key(self) -> bytes:
        return self._keyring.derive(b"portunus task signature")

    def warm_up(self) -> None:
        self._celery.amqp  # noqa: B018 - a property that builds on the first look

    @cached_property
    def _celery(self) -> "Celery":
        from celery import Celery  # here: a third of a process's start, and most processes start without sending

        app = Celery(APP, broker=celery_url(self._redis_url))
        app.conf.update(CONFIGURATION)
        return app


def celery_url(redis_url: str) -> str:
    """Celery spells a Unix socket `redis+socket://`."""
    return redis_url.replace("unix://", "redis+socket://", 1) if redis_url.startswith("unix://") else redis_url


CONFIGURATION = {
    "task_serializer": SERIALIZER,
    "accept_content": [SERIALIZER],
    "result_serializer": SERIALIZER,
    "task_ignore_result": True,
    "task_acks_late": False,  # a login must never be redelivered: the SQL sweeper decides what runs again
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    "task_time_limit": 30,
    "task_soft_time_limit": 20,
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {
        "global_keyprefix": "portunus:",
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
        "visibility_timeout": 3600,
    },
    "worker_hijack_root_logger": False,
    "worker_send_task_events": False,
    "enable_utc": True,
}
