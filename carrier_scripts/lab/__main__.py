"""`python -m carrier_scripts.lab`: run the simulated carriers until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from carrier_scripts.lab.serving import Lab, Ports

PR_SET_PDEATHSIG = 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m carrier_scripts.lab", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="certificates, keys and lab.json are kept here")
    parser.add_argument(
        "--port", type=int, default=0, help="TLS port of every carrier (default: as last time, or free)"
    )
    parser.add_argument("--control-port", type=int, default=0, help="port of the control plane")
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--imap-port", type=int, default=0)
    parser.add_argument("--sms-url-base", help="text messages are posted to this plus the number's digits")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the process that started this ends")
    chosen = parser.parse_args()
    if chosen.die_with_parent:
        die_with_parent()
    ports = Ports(chosen.port, chosen.control_port, chosen.smtp_port, chosen.imap_port)
    lab = Lab(chosen.state_dir.absolute(), ports=ports, sms_url_base=chosen.sms_url_base)
    try:
        asyncio.run(_serve(lab))
    except OSError as taken:
        print(f"The lab cannot start: {taken}", file=sys.stderr)
        return 1
    return 0


def die_with_parent() -> None:
    """Ask Linux to send SIGTERM when the parent ends; elsewhere this does nothing."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended in between
        os.kill(os.getpid(), signal.SIGTERM)


async def _serve(lab: Lab) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await lab.run(stop, lambda: print(json.dumps({"ready": lab.facts["ports"]}), flush=True))
    (lab.state_dir / "lab.json").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
