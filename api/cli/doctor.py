"""`portunus doctor`: is everything in order on this machine, and if not, what to do."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import redis
import typer
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from api.cli import message_broker
from api.cli.console import Json, console, print_json
from api.cli.up import MIGRATIONS
from api.standing import BESIDE
from broker.audit import alarms
from broker.base.actor import system
from broker.base.errors import BrokerError, Unavailable
from broker.base.settings import Settings, settings
from broker.wiring import Portunus, build, embedded_redis_url

SCRIPT_PROCESS = (sys.executable, "-I", "-B", "-m", "carrier_scripts.kit.process")
LEAST_FREE = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    words: str


def doctor(*, as_json: bool = Json) -> None:
    """Look at browser, sandbox, database, keys, message broker, disk and browser host. Exit code 1 when something is wrong."""
    findings = [_looked(what, look) for what, look in CHECKS.items()]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    for finding in [] if as_json else findings:
        mark = "[green]✓[/green]" if finding.ok else "[red]✗[/red]"
        console.print(f"{mark} {finding.what:16} {finding.words}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _looked(what: str, look: Callable[[Settings], Finding]) -> Finding:
    try:
        return look(settings())
    except BrokerError as wrong:
        return Finding(what, ok=False, words=wrong.message)


def _browser(chosen: Settings) -> Finding:
    del chosen
    found = subprocess.run([sys.executable, "-m", "workers.browser.find"], capture_output=True, text=True, check=False)
    return Finding("browser", found.returncode == 0, (found.stdout or found.stderr).strip())


def _sandbox(chosen: Settings) -> Finding:
    if chosen.allow_unsandboxed_browser:
        return Finding(
            "sandbox", ok=False, words="OFF by PORTUNUS_ALLOW_UNSANDBOXED_BROWSER: carrier pages run beside your keys."
        )
    return Finding("sandbox", ok=True, words="required; the browser host does not start without it")


def _scripts(chosen: Settings) -> Finding:
    """Ask a script process which of its walls stand: what would stand around a carrier's script on this machine."""
    asked = subprocess.run(SCRIPT_PROCESS, input='{"run": "report"}\n', capture_output=True, text=True, check=False)
    try:
        walls = json.loads(asked.stdout)["report"]
    except (ValueError, KeyError):
        return Finding("scripts", ok=False, words="a script's process does not start on this machine")
    landlock = f"Landlock {walls['landlock']}" if walls["landlock"] else "no Landlock"
    words = (
        f"files {walls['files']}, network {walls['network']}, own {' '.join(walls['namespaces']) or 'no namespaces'}, "
        f"{landlock}, seccomp {'on' if walls['seccomp'] else 'OFF'}, uid {walls['user']}"
    )
    if not walls["enough"]:
        words += "; scripts do not run here" if not chosen.allow_unconfined_scripts else "; scripts run all the same"
    return Finding("scripts", ok=bool(walls["enough"]) and not chosen.allow_unconfined_scripts, words=words)


def _database(chosen: Settings) -> Finding:
    portunus = build(chosen)
    newest = ScriptDirectory.from_config(_alembic()).get_current_head()
    try:
        with portunus.engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as away:
        return Finding(
            "database", ok=False, words=f"cannot be reached ({type(away).__name__}): check PORTUNUS_DATABASE_URL"
        )
    if present != newest:
        return Finding("database", ok=False, words=f"is at {present}, newest is {newest}: run portunus migrate")
    return Finding("database", ok=True, words=f"{portunus.engine.dialect.name}, migration {present}")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _keys(chosen: Settings) -> Finding:
    keyring = build(chosen).keyring
    opened = keyring.unwrap(keyring.wrap(b"k" * 32, b"doctor"), b"doctor")
    return Finding(
        "root key", opened == b"k" * 32, f"{chosen.key_provider} provider, version {keyring.current_version()}"
    )


def _message_broker(chosen: Settings) -> Finding:
    url = chosen.redis_url.get_secret_value() or embedded_redis_url(chosen)
    try:
        redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2).ping()
    except (redis.RedisError, OSError):
        words = "does not answer: is portunus up running?"
        if not chosen.redis_url.get_secret_value():
            words += f" (bundled: {message_broker.server_binary().name})"
        return Finding("message broker", ok=False, words=words)
    return Finding("message broker", ok=True, words="answers")


def _disk(chosen: Settings) -> Finding:
    free = shutil.disk_usage(chosen.data_dir.absolute() if chosen.data_dir.exists() else ".").free
    return Finding("disk", free > LEAST_FREE, f"{free / 1024**3:.0f} GB free")


def _host(chosen: Settings) -> Finding:
    portunus: Portunus = build(chosen)
    try:
        numbers = portunus.host.status()
    except Unavailable:
        return Finding("browser host", ok=False, words="does not answer: is portunus up running?")
    return Finding("browser host", ok=True, words=f"{numbers['sessions']} sessions, sandbox {numbers['sandbox']}")


def _log(chosen: Settings) -> Finding:
    with build(chosen).reading(system("doctor")) as work:
        alarm = alarms.standing(work)
    if alarm is not None:
        words = f"alarm of {alarm.at:%Y-%m-%d %H:%M} UTC: {alarm.words} See portunus audit check."
        return Finding("audit log", ok=False, words=words)
    return Finding("audit log", ok=True, words=BESIDE if chosen.witness_dir is None else "no alarm stands")


CHECKS: dict[str, Callable[[Settings], Finding]] = {
    "browser": _browser,
    "sandbox": _sandbox,
    "scripts": _scripts,
    "database": _database,
    "audit log": _log,
    "root key": _keys,
    "message broker": _message_broker,
    "disk": _disk,
    "browser host": _host,
}
