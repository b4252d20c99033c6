"""The third-party applications' own Python, away from Portunus's."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-thirdparty"
LOCK = ROOT / "requirements" / "thirdparty.lock"


def environment() -> Path:
    """Its Python; made from the lock on first use and again when the lock changed."""
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
