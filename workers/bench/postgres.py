"""A PostgreSQL server of the bench's own, as durable as it comes (fsync on), on a Unix socket in a throw-away folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = "/usr/lib/postgresql"
START_S = "30"


@contextmanager
def running_postgres() -> Iterator[str | None]:
    """Its address; None where PostgreSQL is not on this machine."""
    found = sorted(Path(BINARIES).glob("*/bin/initdb"))
    if not found:
        yield None
        return
    programs = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="portunus-bench-pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = str(folder / "data")
    options = f"-k {folder} -c listen_addresses="
    try:
        _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust"], user)
        _run([programs / "pg_ctl", "-D", data, "-w", "-t", START_S, "-o", options, "start"], user)
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            _run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str | Path], user: str | None) -> None:
    subprocess.run(command, check=True, cwd="/", user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
