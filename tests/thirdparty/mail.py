"""Mail as an office has it: SMTP takes it, Dovecot keeps it and serves it over IMAP with IDLE. Loopback only."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import SMTP as WIRE
from imaplib import IMAP4
from itertools import count
from pathlib import Path

from aiosmtpd.controller import Controller

from tests.thirdparty.serving import free_port

AUTHSERV = "mx.lab.test"
DOVECOT = "/usr/sbin/dovecot"
START_S = 15
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
first_valid_uid = 0
first_valid_gid = 0
mail_uid = {user}
mail_gid = {group}
mail_location = maildir:{folder}/mail
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
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
{tokens}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home
}}
"""

TOKENS = """
auth_mechanisms = plain xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/tokens.conf
}}
"""
INTROSPECTION = """
introspection_mode = post
introspection_url = {url}
force_introspection = yes
active_attribute = active
active_value = true
username_attribute = username
"""


@dataclass(frozen=True)
class Office:
    """Where mail is sent to, and where it is read."""

    smtp_port: int
    imap_port: int
    address: str
    password: str
    authserv: str = AUTHSERV


class Delivery:
    """The receiving server: takes foreign verdicts out, writes its own, delivers into the Maildir."""

    def __init__(self, maildir: Path, owner: tuple[int, int]) -> None:
        self._maildir, self._owner, self._numbers = maildir, owner, count()

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        mail = message_from_bytes(envelope.content, policy=WIRE)
        del mail["Authentication-Results"]
        domain = str(mail["From"]).rpartition("@")[2].strip("<> ")
        mail["Authentication-Results"] = f"{AUTHSERV}; spf=pass; dkim=pass; dmarc=pass header.from={domain}"
        name = f"{time.time_ns()}.{next(self._numbers)}.office"
        file = self._maildir / "tmp" / name
        file.write_bytes(mail.as_bytes())
        os.chown(file, *self._owner)
        file.rename(self._maildir / "new" / name)
        return "250 delivered"


@contextmanager
def office(
    address: str = "office@lab.test", password: str = "Marble-Crane-3305", introspect: str = ""
) -> Iterator[Office]:
    """A running mail server with one mailbox. Ends with the block. Raises RuntimeError with Dovecot's last words.

    `introspect`: it takes access tokens too (XOAUTH2), and asks there whether they are good (RFC 7662).
    """
    folder = Path(tempfile.mkdtemp(prefix="portunus-office-"))  # pytest's own folders are closed to Dovecot's user
    root = os.geteuid() == 0
    user = "dovecot" if root else pwd.getpwuid(os.geteuid()).pw_name
    owner = pwd.getpwnam(user)
    for part in ("run", "home", "mail/new", "mail/cur", "mail/tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for made in (folder, *folder.rglob("*")):
        os.chown(made, owner.pw_uid, owner.pw_gid)
    port = free_port()
    config = folder / "dovecot.conf"
    group = grp.getgrgid(owner.pw_gid).gr_name
    tokens = TOKENS.format(folder=folder) if introspect else ""
    (folder / "tokens.conf").write_text(INTROSPECTION.format(url=introspect), encoding="utf-8")
    told = {"folder": folder, "user": user, "group": group, "port": port, "password": password, "tokens": tokens}
    config.write_text(CONFIG.format(**told), encoding="utf-8")
    process = subprocess.Popen([DOVECOT, "-F", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    smtp_port = free_port()
    delivery = Controller(Delivery(folder / "mail", (owner.pw_uid, owner.pw_gid)), hostname="127.0.0.1", port=smtp_port)
    try:
        _wait(port, address, password, process, folder / "dovecot.log")
        delivery.start()
        yield Office(smtp_port=smtp_port, imap_port=port, address=address, password=password)
    finally:
        if delivery.server is not None:
            delivery.stop()
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def present() -> bool:
    """Whether this machine has Dovecot."""
    return shutil.which(DOVECOT) is not None


def _wait(port: int, address: str, password: str, process: "subprocess.Popen[bytes]", said: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with IMAP4("127.0.0.1", port, timeout=5) as box:
                box.login(address, password)
                return
        except (OSError, IMAP4.error):
            time.sleep(0.05)
    raise RuntimeError(
        f"Dovecot did not start: {said.read_text(errors='replace')[-2000:] if said.exists() else 'no log'}"
    )
