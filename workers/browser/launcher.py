"""Starts Chromium in Playwright's place: drops root (so that Chromium's own sandbox can work), dies with its parent.

Called as `python -I launcher.py BROWSER UID ARGUMENTS…`. Standard library only; it runs before anything else.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
FORBIDDEN = ("--no-sandbox", "--disable-web-security", "--remote-debugging-port", "--disable-setuid-sandbox")
"""An open debugging port is an open debugger to every local process; without its sandbox Chromium is one bug from us."""

KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")
"""The last four are there only for a browser with a window."""


def main(arguments: list[str]) -> None:
    """Check the arguments, hand over the profile folder, drop root, exec. Does not return."""
    browser, uid, *given = arguments
    allowed = os.environ.get("PORTUNUS_ALLOW_UNSANDBOXED_BROWSER", "").lower() in ("1", "true", "yes")
    bad = [one for one in given if one.split("=")[0] in FORBIDDEN and not (allowed and "sandbox" in one)]
    if bad:
        sys.exit(f"refused to start a browser with {bad[0].split('=')[0]}")
    profile = next((one.partition("=")[2] for one in given if one.startswith("--user-data-dir=")), "")
    if os.geteuid() == 0 and int(uid):
        if profile:
            os.chown(profile, int(uid), int(uid))
        os.setgroups([])
        os.setgid(int(uid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.execve(browser, [browser, *given], {**kept, "HOME": profile or "/nonexistent", "XDG_CONFIG_HOME": profile})  # noqa: S606 - the browser that was found


if __name__ == "__main__":
    main(sys.argv[1:])
