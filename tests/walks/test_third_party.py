"""The main job against applications that nobody here wrote, each with a way of its own to sign in.

pgAdmin mails a code on request, by real SMTP into a real IMAP server; Django with django-two-factor-auth asks an authenticator
on a second page; Roundcube has a name and a password, and one address for all its pages; Node-RED draws a dialog by script.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.settings import Settings
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Organization, PortalAccount
from broker.directory.service import Method
from broker.identity.places import location_by_key
from broker.wiring import build
from carrier_scripts import quality
from carrier_scripts.lab.certificate import certificate
from tests.demos import Demo, running_demo
from tests.thirdparty import mail, node_red, roundcube
from tests.thirdparty.pgadmin import pgadmin
from tests.thirdparty.python_mail import an_office
from tests.thirdparty.serving import Running
from tests.thirdparty.two_step import two_step
from tests.waiting import until
from workers import catalog

KEYS = ("pgadmin", "two_step", "roundcube", "node_red")
LACKING = {
    "roundcube": "" if roundcube.present() and mail.present() else "Roundcube, PHP and Dovecot",
    "node_red": "" if node_red.present() else "Node and npm",
}
"""What an application needs and this machine has not; pgAdmin and Django come from the package index, with any mail server."""
HERE = [key for key in KEYS if not LACKING.get(key)]
pytestmark = [
    pytest.mark.walk,
    pytest.mark.thirdparty,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
SIGN_OUT = """async () => (await fetch(`/api/v1/tabs/${document.querySelector("#stage").dataset.leaseId}/end?sign_out=true`, {
    method: "POST", headers: { "x-csrf-token": document.querySelector("meta[name=csrf]").content },
})).status"""
LINES = 60


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """Those that this machine can run, behind one certificate."""
    folder = Path(tmp_path_factory.mktemp("third_party"))
    proof = certificate(folder)

    def place(key: str) -> Path:
        (folder / key).mkdir()
        return folder / key

    with ExitStack() as running:
        office = running.enter_context(an_office())
        serve = {
            "pgadmin": lambda at: pgadmin(at, proof, smtp_port=office.smtp_port, email=office.address),
            "two_step": lambda at: two_step(at, proof),
            "roundcube": lambda at: roundcube.roundcube(at, proof, office),
            "node_red": lambda at: node_red.node_red(at, proof),
        }
        yield {"office": office} | {key: running.enter_context(serve[key](place(key))) for key in HERE}


@pytest.fixture(scope="module")
def demo(apps: dict[str, Running], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Portunus with them as more portals of the practice in Phoenix."""
    resolve = {host: where for key in HERE for host, where in apps[key].resolve.items()}
    known = {"resolve": json.dumps(resolve), "trusted_spki": json.dumps([apps["pgadmin"].proof.spki])}
    with running_demo(Path(tmp_path_factory.mktemp("demo")) / "data", **known) as demo:
        portunus = build(Settings(data_dir=demo.data_dir))
        with portunus.unit(system("test")) as work:
            methods = {"pgadmin": mailed(work, portunus, apps["office"]), "two_step": Method("totp", None, "", {})}
            for key in HERE:
                add(work, portunus, key, apps[key], methods.get(key))
        until(lambda: "Office mail: up" in demo.portunus("status").stdout)
        yield demo


def mailed(work: Unit, portunus, office: mail.Office) -> Method:
    """What an administrator sets up for codes by mail."""
    org = work.db.scalars(select(Organization)).one()
    where = {"host": "127.0.0.1", "port": office.imap_port, "tls": False, "trusted_authserv": mail.AUTHSERV}
    box = directory.create_endpoint(
        work, org.id, kind="mailbox", name="Office mail", address=office.address, settings=where
    )
    portunus.vault.put(work, org.id, "delivery_endpoint", box.id, "mailbox_password", office.password.encode())
    return Method(
        "email", box.id, f"{office.address[0]}•••@lab.test", catalog.registry.behaviour("pgadmin")["code_template"]
    )


def add(work: Unit, portunus, key: str, app: Running, method: Method | None) -> None:
    """A login at the portal for Phoenix, with its password and its authenticator's secret."""
    account = directory.create_account(
        work,
        portal=directory.portal_by_key(work, key),
        username=app.username,
        login_kind="individual",
        locations=[location_by_key(work, "phoenix")],
        methods=[method] if method else [],
    )
    org = account.organization_id
    portunus.vault.put(work, org, "portal_account", account.id, "password", app.password.encode())
    if app.seed:
        portunus.vault.put(work, org, "portal_account", account.id, "totp_seed", app.seed.encode())


def where_it_is(key: str):
    """A machine may lack an application; CI may not."""
    absent = bool(LACKING.get(key)) and not os.environ.get("CI")
    return pytest.param(key, marks=pytest.mark.skipif(absent, reason=f"not on this machine: {LACKING.get(key)}"))


@pytest.mark.parametrize("key", map(where_it_is, KEYS))
def test_its_tab_opens_through_its_script_and_signs_out(demo: Demo, people, key: str) -> None:
    assert key in HERE, f"CI installs what these walks need, but there is no {LACKING[key]}"
    maria = people["Maria"]
    maria.open(f"{key} phoenix")
    maria.sees_stream()
    assert maria.page.evaluate(SIGN_OUT) == 200
    until(lambda: "signed_out" in logged_out(demo, key))
    assert logged_out(demo, key) == ["signed_out"]


def logged_out(demo: Demo, key: str) -> list[str]:
    """What the portal showed when the login left it; nothing while the login is not in order."""
    portunus = build(Settings(data_dir=demo.data_dir))
    with portunus.reading(system("test")) as work:
        portal = directory.portal_by_key(work, key)
        account = work.db.scalars(select(PortalAccount).where(PortalAccount.portal_id == portal.id)).one()
        left = select(AuditEntry.leaf).where(
            AuditEntry.act == Act.SESSION_LOGGED_OUT, AuditEntry.account_id == account.id
        )
        return [json.loads(leaf)["outcome"] for leaf in work.db.scalars(left)] if account.status == "active" else []


def test_the_mailed_code_is_accounted_for(demo: Demo, people) -> None:
    answer = json.loads(
        demo.portunus("audit", "last-code", "--portal", "pgadmin", "--location", "phoenix", "--json").stdout
    )
    assert (answer["asked_by"], answer["channel"], answer["answer"]) == ("Maria Lopez", "email", "accepted")


@pytest.mark.parametrize("key", KEYS)
def test_its_script_is_short(key: str) -> None:
    assert quality.lines(key) <= LINES
