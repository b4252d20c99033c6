"""pgAdmin 4 in an environment of its own, on loopback behind TLS, its code mails delivered by SMTP to whom the test names."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from carrier_scripts.lab.certificate import certificate

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-thirdparty"
LOCK = ROOT / "requirements" / "thirdparty.lock"
HOST = "pgadmin.sim.test"
SENDER = f"no-reply@{HOST}"
START_S = 90


@dataclass(frozen=True)
class Running:
    """What a test needs to know of the application."""

    port: int
    spki: str
    ca: Path
    email: str
    password: str

    @property
    def resolve(self) -> dict[str, str]:
        """For the setting `resolve`."""
        return {HOST: f"127.0.0.1:{self.port}"}


def environment() -> Path:
    """The application's own Python; made from the lock on first use and again when the lock changed."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "made-from.lock"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return python
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    uv = [sys.executable, "-m", "uv"]
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(ENVIRONMENT)], **quiet)
    subprocess.run([*uv, "pip", "install", "-q", "--python", str(python), "--require-hashes", "-r", str(LOCK)], **quiet)
    shutil.copy(LOCK, stamp)
    return python


@contextmanager
def pgadmin(folder: Path, *, smtp_port: int, email: str, password: str = "Granite-Swift-6618") -> Iterator[Running]:
    """The application with one user whose second factor is a mailed code. Ends with the block, its process with it."""
    python, proof = environment(), certificate(folder)
    data, port = folder / "data", free_port()
    data.mkdir(mode=0o700, exist_ok=True)
    settings = folder / "pgadmin.json"
    settings.write_text(
        json.dumps(
            {
                "data": str(data), "port": port, "chain": str(proof.chain), "key": str(proof.key), "smtp_port": smtp_port,
                "email": email, "password": password, "sender": SENDER,
            }
        ),
        encoding="utf-8",
    )  # fmt: skip
    said = folder / "pgadmin.log"
    script = Path(__file__).with_name("serve_pgadmin.py")
    keep = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    with said.open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-I", str(script), str(settings)], stdout=log, stderr=log, env=keep, cwd=folder
        )
    try:
        wait_until_it_answers(port, proof.ca, process, said)
        yield Running(port=port, spki=proof.spki, ca=proof.ca, email=email, password=password)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def wait_until_it_answers(port: int, ca: Path, process: "subprocess.Popen[bytes]", said: Path) -> None:
    """Until the sign-in page is there. Raises RuntimeError with the application's last words."""
    trust = ssl.create_default_context(cafile=ca)
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"https://localhost:{port}/login", timeout=20, context=trust):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"pgAdmin did not start: {said.read_text(errors='replace')[-2000:]}")
