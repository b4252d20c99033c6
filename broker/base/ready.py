"""How a process that nobody can connect to says that it is ready: by a file in run_dir."""

from pathlib import Path

from broker.base.settings import Settings


def file_of(settings: Settings, process: str) -> Path:
    """The file that this process writes once it is ready."""
    return settings.run_dir / f"{process}.ready"


def say_ready(settings: Settings, process: str) -> None:
    """Write it; the folder too, which `portunus up` alone makes beforehand."""
    file = file_of(settings, process)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch()
