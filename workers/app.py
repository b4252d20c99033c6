"""Celery: short tasks that look at one row, and the beat that sweeps. A message is a signed hint, never a permission."""

from collections.abc import Callable
from functools import cache

import structlog
from celery import Celery
from celery.signals import worker_ready

from broker.adapters.celery_queue import APP, CONFIGURATION, CeleryQueue, celery_url
from broker.base.ready import say_ready
from broker.base.settings import settings
from broker.wiring import Portunus, build, embedded_redis_url
from workers import (
    early_sign_ins,
    end_session,
    expire_lookups,
    mail_alert,
    make_film,
    monitor,
    open_tab,
    read_batch,
    run_lookups,
    send_webhook,
    sweep,
    sweep_lookups,
    witness,
)

log = structlog.get_logger("worker")
app = Celery(APP, broker=celery_url(settings().redis_url.get_secret_value() or embedded_redis_url(settings())))
app.conf.update(CONFIGURATION)
app.conf.beat_schedule = {
    "monitor": {"task": f"{APP}.monitor", "schedule": monitor.EVERY_S, "options": {"expires": monitor.EVERY_S}},
    "sweep": {"task": f"{APP}.sweep", "schedule": sweep.EVERY_S, "options": {"expires": sweep.EVERY_S}},
    "sweep_lookups": {
        "task": f"{APP}.sweep_lookups",
        "schedule": sweep_lookups.EVERY_S,
        "options": {"expires": sweep_lookups.EVERY_S},
    },
    "early_sign_ins": {
        "task": f"{APP}.early_sign_ins",
        "schedule": early_sign_ins.EVERY_S,
        "options": {"expires": early_sign_ins.EVERY_S},
    },
    "expire_lookups": {
        "task": f"{APP}.expire_lookups",
        "schedule": expire_lookups.EVERY_S,
        "options": {"expires": expire_lookups.EVERY_S},
    },
    "witness": {"task": f"{APP}.witness", "schedule": witness.EVERY_S, "options": {"expires": witness.EVERY_S}},
}


@cache
def portunus() -> Portunus:
    """This process's Portunus, built after the fork."""
    return build()


def _hinted(name: str, look: Callable[[Portunus, str], None], longest_s: int = 20) -> None:
    """Register a task that takes a signed hint; a forged or old one is dropped."""

    def task(row_id: str, sent: int, signature: str) -> None:
        queue = portunus().queue
        assert isinstance(queue, CeleryQueue)
        if not queue.genuine(name, row_id, sent, signature):
            log.warning("dropped a task that Portunus did not send", task=name)
            return
        look(portunus(), row_id)

    app.task(name=f"{APP}.{name}", time_limit=longest_s + 10, soft_time_limit=longest_s)(task)


_hinted("open_tab", open_tab.look)
_hinted("end_session", end_session.look)
_hinted("run_lookups", run_lookups.look)
_hinted("read_batch", read_batch.look)
_hinted("send_webhook", send_webhook.look)
_hinted("mail_alert", mail_alert.look)
_hinted("make_film", make_film.look, make_film.LONGEST_S)


@app.task(name=f"{APP}.sweep")
def _sweep() -> None:
    sweep.run(portunus())


@app.task(name=f"{APP}.sweep_lookups")
def _sweep_lookups() -> None:
    sweep_lookups.run(portunus())


@app.task(name=f"{APP}.early_sign_ins")
def _early_sign_ins() -> None:
    early_sign_ins.run(portunus())


@app.task(name=f"{APP}.expire_lookups")
def _expire_lookups() -> None:
    expire_lookups.run(portunus())


@app.task(name=f"{APP}.monitor", time_limit=monitor.LONGEST_S + 60, soft_time_limit=monitor.LONGEST_S)
def _monitor() -> None:
    monitor.run(portunus())


@app.task(name=f"{APP}.witness")
def _witness() -> None:
    witness.run(portunus())


@worker_ready.connect
def _ready(**_: object) -> None:
    say_ready(settings(), "worker")
