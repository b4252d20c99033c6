"""The launcher refuses what would open the browser to others, and passes a clean environment on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[3] / "workers" / "browser" / "launcher.py"


def launch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The launcher with a browser that only prints its environment."""
    return subprocess.run(
        [sys.executable, "-I", str(LAUNCHER), "/usr/bin/env", "0", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "argument",
    [
        "--no-sandbox",
        "--disable-setuid-sandbox",
        "--remote-debugging-port=9222",
        "--remote-debugging-port",
        "--disable-web-security",
    ],
)
def test_a_dangerous_argument_is_refused(argument: str) -> None:
    done = launch("--headless", argument)
    assert done.returncode != 0
    assert argument.split("=")[0] in done.stderr
    assert done.stdout == ""


def test_an_open_debugging_port_is_refused_even_where_the_sandbox_may_be_off() -> None:
    assert launch("--remote-debugging-port=0", PORTUNUS_ALLOW_UNSANDBOXED_BROWSER="true").returncode != 0


def test_no_secret_of_the_host_reaches_the_browsers_environment() -> None:
    done = launch(PORTUNUS_ROOT_KEY="a-root-key", DATABASE_PASSWORD="hunter2", LANG="C.UTF-8")
    assert done.returncode == 0
    assert {line.partition("=")[0] for line in done.stdout.splitlines()} == {"PATH", "LANG", "HOME", "XDG_CONFIG_HOME"}
