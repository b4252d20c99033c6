"""Which browser to run: found, or installed, or an unmistakable message. `python -m workers.browser.find` says which.

Order: the setting; Playwright's own headless shell; chromium-headless-shell, chromium and Chrome on PATH; then
`playwright install`; then the system's package manager when root.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from broker.base.errors import Unavailable
from broker.base.settings import Settings, settings

ON_PATH = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGE = "chromium-headless-shell"
NONE = """No browser could be found or installed.
Install one (Debian, Ubuntu: apt-get install chromium-headless-shell, or chromium; elsewhere: playwright install chromium),
or name one: PORTUNUS_BROWSER=/path/to/chromium"""


@dataclass(frozen=True)
class Browser:
    """An executable and what it calls itself."""

    path: str
    version: str
    headless_shell: bool


def find(chosen: Settings) -> Browser:
    """The browser to use. Raises `Unavailable` with what to do."""
    candidates = [str(chosen.browser)] if chosen.browser else [*_playwrights_own(), *_on_path()]
    for path in candidates:
        found = _asked(path)
        if found:
            return found
    if chosen.browser:
        raise Unavailable(f"PORTUNUS_BROWSER={chosen.browser} does not start. Name another or leave it empty.")
    _install()
    for path in (*_playwrights_own(), *_on_path()):
        found = _asked(path)
        if found:
            return found
    raise Unavailable(NONE)


def _playwrights_own() -> list[str]:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    shells = sorted(cache.glob("chromium_headless_shell-*/*/*headless*shell*"), reverse=True)
    return [str(path) for path in shells if path.is_file() and os.access(path, os.X_OK)]


def _on_path() -> list[str]:
    return [path for name in ON_PATH if (path := shutil.which(name)) and "snap" not in os.path.realpath(path)]


def _asked(path: str) -> Browser | None:
    """The version it gives of itself; None when it does not run."""
    command = [path, "--version"] if os.geteuid() else [path, "--no-sandbox", "--version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.strip()
    if done.returncode or not words:
        return None
    return Browser(path=path, version=words, headless_shell="headless" in Path(path).name)


def _install() -> None:
    """Try to get one; failure shows in that there is still none."""
    print("Looking for a browser to install …", file=sys.stderr)
    if (
        _quiet([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"])
        and os.geteuid() == 0
        and shutil.which("apt-get")
    ):
        _quiet(["apt-get", "update", "-qq"])
        _quiet(["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE])


def _quiet(command: list[str]) -> int:
    """The exit code; what it prints is of no use to anybody."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    nothing = subprocess.DEVNULL
    try:
        return subprocess.run(
            command, timeout=600, env=environment, stdout=nothing, stderr=nothing, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return 1


def main() -> None:
    """Print the browser as words, as JSON, or not at all; exit code 1 and the message when there is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    asked = parser.parse_args()
    try:
        browser = find(settings())
    except Unavailable as none:
        sys.exit(none.message)
    if asked.json:
        print(json.dumps(asdict(browser)))
    elif not asked.quiet:
        print(f"browser: {browser.version} ({browser.path})")


if __name__ == "__main__":
    main()
