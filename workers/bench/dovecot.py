"""A Dovecot of the bench's own with as many mailboxes as asked for, on loopback, in a throw-away folder."""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from broker.base.errors import Unavailable

PROGRAM = "/usr/sbin/dovecot"
PASSWORD = "bench-" + "mailboxes"
START_S = 20
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
default_client_limit = 2000
default_process_limit = 1000
first_valid_uid = 0
first_valid_gid = 0
mail_uid = {user}
mail_gid = {group}
mail_location = maildir:{folder}/mail/%u
service anvil {{
  chroot =
  client_limit = 4000
}}
service stats {{
  chroot =
}}
service auth {{
  client_limit = 4000
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  process_limit = 2
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home/%u
}}
"""


@dataclass
class Dovecot:
    """A server that can be stopped and started again on the same port."""

    folder: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Start and wait until it answers. Raises `Unavailable`."""
        command = [PROGRAM, "-F", "-c", str(self.folder / "dovecot.conf")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    if probe.recv(4) == b"* OK":
                        return
            except OSError:
                pass
            time.sleep(0.05)  # noqa: TID251 - another program starts
        raise Unavailable("Dovecot did not start.")

    def stop(self) -> None:
        """Every connection is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


def present() -> bool:
    """Whether this machine has Dovecot."""
    return Path(PROGRAM).exists()


@contextmanager
def running_dovecot() -> Iterator[Dovecot]:
    """A server whose mailboxes are made at their first sign-in, all with one password."""
    folder = Path(tempfile.mkdtemp(prefix="portunus-bench-mail-"))
    user = "dovecot" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    owner = pwd.getpwnam(user)
    for part in ("run", "home", "mail"):
        (folder / part).mkdir()
    for made in (folder, *folder.iterdir()):
        os.chown(made, owner.pw_uid, owner.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    group = grp.getgrgid(owner.pw_gid).gr_name
    config = CONFIG.format(folder=folder, user=user, group=group, port=port, password=PASSWORD)
    (folder / "dovecot.conf").write_text(config, encoding="utf-8")
    server = Dovecot(folder, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
