"""The main job against an application that nobody here wrote: pgAdmin 4, its codes by real SMTP into a real IMAP server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.base.settings import Settings
from broker.directory import service as directory
from broker.directory.models import Organization, PortalAccount
from broker.directory.service import Method
from broker.wiring import build
from tests.demos import Demo, running_demo
from tests.thirdparty import mail
from tests.thirdparty.app import Running, pgadmin
from tests.walks.conftest import until
from workers import catalog

pytestmark = [
    pytest.mark.walk,
    pytest.mark.thirdparty,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not mail.present(), reason="no Dovecot on this machine"),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Portunus with pgAdmin as one more portal of the practice in Phoenix."""
    folder = Path(tmp_path_factory.mktemp("pgadmin"))
    with mail.office() as office, pgadmin(folder, smtp_port=office.smtp_port, email=office.address) as app:
        known = {"resolve": json.dumps(app.resolve), "trusted_spki": json.dumps([app.spki])}
        with running_demo(folder / "demo", **known) as demo:
            add(demo, app, office)
            yield demo


def add(demo: Demo, app: Running, office: mail.Office) -> None:
    """What an administrator sets up: the mailbox, and the login whose codes go there."""
    portunus = build(Settings(data_dir=demo.data_dir))
    with portunus.unit(system("test")) as work:
        org = work.db.scalars(select(Organization)).one()
        where = {"host": "127.0.0.1", "port": office.imap_port, "tls": False, "trusted_authserv": mail.AUTHSERV}
        box = directory.create_endpoint(
            work, org.id, kind="mailbox", name="Office mail", address=office.address, settings=where
        )
        portunus.vault.put(work, org.id, "delivery_endpoint", box.id, "mailbox_password", office.password.encode())
        template = catalog.registry.behaviour("pgadmin")["code_template"]
        account = directory.create_account(
            work,
            portal=directory.portal_by_key(work, "pgadmin"),
            username=app.email,
            login_kind="individual",
            locations=[directory.location_by_key(work, "phoenix")],
            methods=[Method("email", box.id, "o•••@lab.test", template)],
        )
        portunus.vault.put(work, org.id, "portal_account", account.id, "password", app.password.encode())
    until(lambda: "Office mail: up" in demo.portunus("status").stdout)


def test_its_tab_opens_through_its_script(demo: Demo, people) -> None:
    people["Maria"].open("pgadmin phoenix")
    people["Maria"].sees_stream()
    people["Maria"].end()
    answer = json.loads(
        demo.portunus("audit", "last-code", "--portal", "pgadmin", "--location", "phoenix", "--json").stdout
    )
    assert (answer["asked_by"], answer["channel"], answer["answer"]) == ("Maria Lopez", "email", "accepted")


def test_its_account_needed_one_try(demo: Demo, people) -> None:
    portunus = build(Settings(data_dir=demo.data_dir))
    with portunus.reading(system("test")) as work:
        account = work.db.scalars(select(PortalAccount).where(PortalAccount.username == "office@lab.test")).one()
        assert account.status == "active"
        assert account.last_login_at is not None
