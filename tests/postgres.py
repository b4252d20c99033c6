"""A PostgreSQL of our own for tests: PORTUNUS_TEST_POSTGRES_URL, or Debian's binaries on a Unix socket, fsync off."""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path


@cache
def _server() -> str | None:
    """Address of the server without a database name, or None when there is none on this machine."""
    given = os.environ.get("PORTUNUS_TEST_POSTGRES_URL")
    if given:
        return given.rstrip("/")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        return None
    binaries = found[-1].parent
    as_postgres: dict[str, object] = {}
    directory = Path(tempfile.mkdtemp(prefix="ptn-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        as_postgres = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(directory, account.pw_uid, account.pw_gid)
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": directory}
    subprocess.run(
        [binaries / "initdb", "-D", directory / "data", "-U", "postgres", "-A", "trust", "-N"], **quiet, **as_postgres
    )
    options = f"-c fsync=off -c full_page_writes=off -c listen_addresses='' -c unix_socket_directories={directory}"
    subprocess.run(
        [binaries / "pg_ctl", "-D", directory / "data", "-o", options, "-w", "start"], **quiet, **as_postgres
    )

    def stop() -> None:
        subprocess.run(
            [binaries / "pg_ctl", "-D", directory / "data", "-m", "immediate", "stop"],
            **(quiet | {"check": False}),
            **as_postgres,
        )
        shutil.rmtree(directory, ignore_errors=True)

    atexit.register(stop)
    return f"postgresql://postgres@/{{database}}?host={directory}"


@cache
def postgres_url(worker_id: str) -> str | None:
    """A database of its own for this pytest worker, or None when there is no server."""
    server = _server()
    if server is None:
        return None
    import psycopg

    address = server if "{database}" in server else server + "/{database}"
    name = f"portunus_{worker_id}"
    with psycopg.connect(address.format(database="postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return address.format(database=name)
