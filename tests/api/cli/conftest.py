"""`shell("audit", "export")`: the command line in this process, on the test's own Portunus."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from api.cli import audit, codes, doctor, main, recordings, status, tabs
from broker.wiring import Portunus


@dataclass
class Said:
    """What a command left: exit code, standard output, standard error (lines joined)."""

    code: int
    out: str
    errors: str


@pytest.fixture
def shell(portunus: Portunus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Said]:
    for module in (audit, codes, recordings, status, tabs, doctor):
        monkeypatch.setattr(module, "build", lambda *_: portunus)
    monkeypatch.setattr(doctor, "settings", lambda: portunus.settings)

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["portunus", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return Said(int(ended.value.code or 0), told.out, " ".join(told.err.split()))

    return run
