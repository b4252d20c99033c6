"""Which browser to run: found, or installed, or an unmistakable message. `python -m workers.browser.find` says which.

Order: the setting; Playwright's own headless shell; chromium-headless-shell, chromium and Chrome on PATH; then
`playwright install`; then the system's package manager when root. Each is asked as the user that will run it.
"""

import argparse
import contextlib
import json
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from broker.base.errors import Unavailable
from broker.base.settings import Settings, settings

ON_PATH = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
DISPLAY = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")
"""Where a window is shown, and who may."""
NO_DISPLAY = "There is no display here to show a window on: leave --headed out, or run it on a desktop."
NO_WINDOW = "The browser here has no window: install Chromium or Chrome, or name one (PORTUNUS_BROWSER=/path/to/chromium), or leave --headed out."
PACKAGE = "chromium-headless-shell"
SHARED = Path("/var/cache/ms-playwright")
"""Where root installs Playwright's: its own home is closed to the user that runs the browser."""
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
    user = _runs_as(chosen)
    if chosen.browser:
        if named := _asked(str(chosen.browser), user):
            return named
        raise Unavailable(
            f"PORTUNUS_BROWSER={chosen.browser} does not start{_whom(chosen)}. Name another or leave it empty."
        )
    for install in (None, _from_playwright, _from_the_system):
        if install:
            install()
        for path in (*_playwrights_own(), *_on_path()):
            if found := _asked(path, user):
                return found
    raise Unavailable(NONE)


def with_a_window(chosen: Settings) -> Browser:
    """A browser that can show itself, on the display that is here. Raises `Unavailable` with what to do."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise Unavailable(NO_DISPLAY)
    user = _runs_as(chosen)
    named = [str(chosen.browser)] if chosen.browser else _on_path()
    for path in named:
        found = _asked(path, user)
        if found and not found.headless_shell:
            return found
    raise Unavailable(NO_WINDOW)


def _runs_as(chosen: Settings) -> pwd.struct_passwd | None:
    """Whom the launcher becomes before it starts the browser; None: nobody else. Raises `Unavailable`."""
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam(chosen.browser_user)
    except KeyError:
        raise Unavailable(
            f"There is no user {chosen.browser_user} on this machine: name one with PORTUNUS_BROWSER_USER."
        ) from None


def _whom(chosen: Settings) -> str:
    return "" if os.geteuid() else f" as {chosen.browser_user}"


def _playwrights_own() -> list[str]:
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    caches = [Path(named)] if named else [Path.home() / ".cache" / "ms-playwright", SHARED]
    shells = [
        path
        for cache in caches
        for path in sorted(cache.glob("chromium_headless_shell-*/*/*headless*shell*"), reverse=True)
    ]
    return [str(path) for path in shells if path.is_file() and os.access(path, os.X_OK)]


def _on_path() -> list[str]:
    return [path for name in ON_PATH if (path := shutil.which(name)) and "snap" not in os.path.realpath(path)]


def _asked(path: str, user: pwd.struct_passwd | None) -> Browser | None:
    """The version it gives of itself; None when this user cannot run it."""
    become: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    command = [path, "--no-sandbox", "--version"] if user and not user.pw_uid else [path, "--version"]
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    environment = {**kept, "HOME": "/nonexistent"}  # as the launcher has it: no secret of ours, nobody's settings
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=False, env=environment, **become
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.strip()
    if done.returncode or not words:
        return None
    return Browser(path=path, version=words, headless_shell="headless" in Path(path).name)


def _from_playwright() -> None:
    """Try its download; that it failed shows in that there is still no browser."""
    print("Looking for a browser to install …", file=sys.stderr)
    place = (
        {} if os.geteuid() or os.environ.get("PLAYWRIGHT_BROWSERS_PATH") else {"PLAYWRIGHT_BROWSERS_PATH": str(SHARED)}
    )
    _quiet([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], **place)


def _from_the_system() -> None:
    """Try the package manager, which brings the shared libraries too that a download may lack."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _quiet(["apt-get", "update", "-qq"])
        _quiet(["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE])


def _quiet(command: list[str], **more: str) -> None:
    """Run it, readable for everybody; what it prints is of no use to anybody."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", **more}
    nothing = subprocess.DEVNULL
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, timeout=600, env=environment, stdout=nothing, stderr=nothing, check=False, umask=0o022)


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
