"""Roundcube webmail as Debian ships it, before the test's own Dovecot: one page for name and password, addresses that differ in the query only."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from carrier_scripts.lab.certificate import Certificate
from tests.thirdparty.mail import Office
from tests.thirdparty.serving import Running, free_port, process, tls_before

HOST = "roundcube.sim.test"
ROOT = Path("/var/lib/roundcube/public_html")
DEFAULTS = Path("/etc/roundcube/defaults.inc.php")
TABLES = Path("/usr/share/roundcube/SQL/sqlite.initial.sql")
CONFIG = """<?php
$config['db_dsnw'] = 'sqlite:///{folder}/roundcube.db?mode=0600';
$config['imap_host'] = '127.0.0.1:{imap}';
$config['smtp_host'] = '127.0.0.1:{smtp}';
$config['log_dir'] = '{folder}';
$config['temp_dir'] = '{folder}';
$config['use_https'] = true;
$config['plugins'] = [];
$config['enable_spellcheck'] = false;
"""


@contextmanager
def roundcube(folder: Path, proof: Certificate, office: Office) -> Iterator[Running]:
    """The application, its one user the office's mailbox. Ends with the block."""
    with closing(sqlite3.connect(folder / "roundcube.db")) as db:
        db.executescript(TABLES.read_text(encoding="utf-8"))
    config = CONFIG.format(folder=folder, imap=office.imap_port, smtp=office.smtp_port)
    (folder / "config.inc.php").write_text(config, encoding="utf-8")
    (folder / "defaults.inc.php").symlink_to(DEFAULTS)
    first = folder / "first.php"
    first.write_text(f"<?php define('RCUBE_CONFIG_DIR', '{folder}/');", encoding="utf-8")
    port = free_port()
    command = ["php", "-d", f"auto_prepend_file={first}", "-S", f"127.0.0.1:{port}", "-t", str(ROOT)]
    with process(command, folder) as app:
        app.answers(f"http://127.0.0.1:{port}/")
        with tls_before(port, proof) as before:
            yield Running(HOST, before, office.address, office.password, proof)


def present() -> bool:
    """Whether this machine has it."""
    return shutil.which("php") is not None and TABLES.exists()
