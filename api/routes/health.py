"""Is it alive, is it ready, which version: for supervisors and monitors. Nothing here names a secret or a person."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import redis
from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from api.access import public
from api.deps import PortunusNow
from broker.base.actor import system
from broker.base.errors import BrokerError
from broker.wiring import Portunus, embedded_redis_url

router = APIRouter()

NOT_READY = (BrokerError, SQLAlchemyError, redis.RedisError, OSError, ValueError)
"""What the parts raise when they do not answer."""


@router.get("/healthz", dependencies=[public("the process answers; says nothing else")])
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", dependencies=[public("which part does not answer, by name only")])
def readyz(portunus: PortunusNow) -> JSONResponse:
    """503 without the database or the keys. Without the message broker or browser host Portunus still answers people."""
    parts = {
        "database": _answers(_database, portunus),
        "keys": _answers(_keys, portunus),
        "message_broker": _answers(_message_broker, portunus),
        "browser_host": _answers(_browser_host, portunus),
    }
    ready = parts["database"] and parts["keys"]
    body = {"status": "ready" if ready else "not ready", **{name: "ok" if ok else "away" for name, ok in parts.items()}}
    return JSONResponse(body, 200 if ready else 503)


@router.get("/version", dependencies=[public("the version is on the sign-in page too")])
def version_() -> dict[str, str]:
    return {"name": "portunus", "version": installed_version()}


def installed_version() -> str:
    try:
        return version("portunus")
    except PackageNotFoundError:
        return "unknown"


def _answers(part: Callable[[Portunus], object], portunus: Portunus) -> bool:
    try:
        part(portunus)
    except NOT_READY:
        return False
    return True


def _database(portunus: Portunus) -> None:
    with portunus.reading(system("health")) as work:
        work.db.execute(text("SELECT 1"))


def _keys(portunus: Portunus) -> None:
    portunus.keyring.derive(b"health")


def _message_broker(portunus: Portunus) -> None:
    url = portunus.settings.redis_url.get_secret_value() or embedded_redis_url(portunus.settings)
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        client.ping()


def _browser_host(portunus: Portunus) -> None:
    portunus.host.status()
