"""The demo's organization: the portal lab's founding document, put into the directory and the vault; people to sign in as."""

import json
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.cli.console import operator
from api.cli.up import Announce, console, step
from broker.base.settings import Settings
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, Location, Organization
from broker.directory.service import Method
from broker.identity import service as identity
from broker.identity.models import User
from broker.identity.policy import ROLE_WORDS, Role
from broker.wiring import Portunus, build

PEOPLE = (
    ("Maria Lopez", "maria@saguaro.test", Role.BILLER, None),
    ("Dan Whitfield", "dan@saguaro.test", Role.FRONT_DESK, "phoenix"),
    ("Ana Petrova", "ana@saguaro.test", Role.ADMIN, None),
    ("Audrey Chen", "audrey@saguaro.test", Role.COMPLIANCE, None),
    ("Sam Ortiz", "sam@saguaro.test", Role.SCRIPT_MAINTAINER, None),
)
SERVICE = "eligibility-robot"


def demo_folder(chosen: Settings) -> Path:
    """Where the demo keeps its data, apart from a real installation in the same folder."""
    return chosen.data_dir / "demo"


class Demo(Announce):
    """Seeds once; prints a fresh sign-in link for everybody at each start."""

    def __init__(self) -> None:
        self._links: list[tuple[str, str, str]] = []
        self._api_key: str | None = None

    def seed(self, settings: Settings, env: Mapping[str, str]) -> None:
        """Portals from the shipped scripts, the practice from the lab, people, links."""
        portunus = build(settings)
        lab = json.loads((settings.data_dir.absolute() / "lab" / "lab.json").read_text(encoding="utf-8"))
        with portunus.reading(operator()) as work:
            founded = work.db.scalar(select(Organization.id).limit(1)) is not None
        if not founded:
            step(
                "Registering the shipped portals", "workers.catalog", settings, env
            )  # from then on the browser host does it at each start
        with portunus.unit(operator()) as work:
            if not founded:
                founding = json.loads(step("The demo's practice", "carrier_scripts.lab.founding", settings, env))
                self._api_key = seed(work, portunus, founding, lab)
            _follow_lab(work, lab)
            for name, email, role, _ in PEOPLE:
                user = work.db.scalar(select(User).where(User.email == email))
                if user is not None:
                    token = identity.create_link(work, user)
                    self._links.append((name, ROLE_WORDS[role], f"{settings.public_url}/sign-in/link/{token}"))
        portunus.engine.dispose()

    def facts(self, settings: Settings) -> dict[str, Any]:
        """Address and one-time links; the service account's key on the first start only."""
        people = [{"name": name, "role": role, "link": link} for name, role, link in self._links]
        return {**super().facts(settings), "people": people, "api_key": self._api_key}

    def ready(self, settings: Settings) -> None:
        """The same in words."""
        console.print(f"\nPortunus is at [bold]{settings.public_url}[/bold]   (Ctrl-C stops it)\n")
        console.print("Sign in, once per link, as")
        for name, role, link in self._links:
            console.print(f"  {name}, {role.lower()}:")
            console.print(f"    {link}", style="cyan", soft_wrap=True)
        if self._api_key:
            console.print(f"  {SERVICE}, service account, API key (shown once):")
            console.print(f"    {self._api_key}", style="cyan", soft_wrap=True)
        console.print()


def seed(work: Unit, portunus: Portunus, founding: Mapping[str, Any], lab: Mapping[str, Any]) -> str:
    """Everything of the founding document; returns the service account's key."""
    org = directory.create_organization(work, founding["organization"]["name"], founding["organization"]["kind"])
    places = {
        place["key"]: directory.create_location(
            work,
            org.id,
            key=place["key"],
            name=place["name"],
            npi=place["npi"],
            city=place["city"],
            time_zone=place["time_zone"],
            tax_entities=[(place["legal_name"], place["tin"])],
        )
        for place in founding["locations"]
    }
    box = lab["mailbox"]
    mailbox = directory.create_endpoint(
        work,
        org.id,
        kind="mailbox",
        name="Code mailbox",
        address=founding["mailbox"],
        settings={
            "host": box["host"],
            "port": box["port"],
            "tls": False,
            "username": box["username"],
            "trusted_authserv": founding["authserv"],
        },
        custodian="Dan Whitfield",
    )
    portunus.vault.put(work, org.id, "delivery_endpoint", mailbox.id, "mailbox_password", box["password"].encode())
    templates = {carrier["key"]: code_template(carrier["key"]) for carrier in founding["carriers"]}
    phones: dict[str, DeliveryEndpoint] = {}
    for account in founding["accounts"]:
        _add_account(work, portunus, org, account, places, mailbox, phones, templates, lab)
    _add_people(work, org, places)
    robot = identity.create_service_account(work, org.id, SERVICE)
    identity.give_grant(work, role=Role.SERVICE, service_account_id=robot.id)
    return identity.create_api_key(work, robot)[1]


def _add_account(
    work: Unit,
    portunus: Portunus,
    org: Organization,
    account: Mapping[str, Any],
    places: Mapping[str, Location],
    mailbox: DeliveryEndpoint,
    phones: dict[str, DeliveryEndpoint],
    templates: Mapping[str, dict[str, Any]],
    lab: Mapping[str, Any],
) -> None:
    template = dict(templates[account["carrier"]])
    endpoint: DeliveryEndpoint | None = None
    if account["channel"] == "email":
        endpoint, template["alias"] = mailbox, account["address"]
    elif account["channel"] == "desk":
        template["by"] = account["device"]
    elif account["channel"] == "sms":
        number = account["address"]
        if number not in phones:
            phones[number] = directory.create_endpoint(
                work,
                org.id,
                kind="phone",
                name="Front desk phone",
                address=number,
                settings={"provider": "standard"},
                location_id=places["phoenix"].id,
                custodian="Dan Whitfield",
            )
            secret = lab["sms"]["secret"].encode()
            portunus.vault.put(work, org.id, "delivery_endpoint", phones[number].id, "webhook_secret", secret)
        endpoint = phones[number]
    shared = account["login_kind"] == "practice_shared"
    row = directory.create_account(
        work,
        portal=directory.portal_by_key(work, account["carrier"]),
        username=account["username"],
        label=account["label"],
        login_kind=account["login_kind"],
        locations=[places[key] for key in account["locations"]],
        methods=[]
        if account["channel"] == "none"
        else [Method(account["channel"], endpoint.id if endpoint else None, account["masked"], template)],
        shared_reason="The carrier gives one login per practice." if shared else None,
        review_on=date.today() + timedelta(days=180) if shared else None,
    )
    portunus.vault.put(work, org.id, "portal_account", row.id, "password", account["password"].encode())
    if account["answers"]:
        answers = json.dumps(dict(account["answers"])).encode()
        portunus.vault.put(work, org.id, "portal_account", row.id, "security_answers", answers)
    if account["totp_seed"]:
        portunus.vault.put(work, org.id, "portal_account", row.id, "totp_seed", account["totp_seed"].encode())


def _add_people(work: Unit, org: Organization, places: Mapping[str, Location]) -> None:
    for name, email, role, place in PEOPLE:
        user = identity.create_user(work, org.id, email=email, name=name)
        identity.give_grant(work, role=role, user_id=user.id, location_id=places[place].id if place else None)


def _follow_lab(work: Unit, lab: Mapping[str, Any]) -> None:
    """The lab's ports may be others than last time."""
    for mailbox in work.db.scalars(select(DeliveryEndpoint).where(DeliveryEndpoint.kind == "mailbox")):
        if mailbox.settings["port"] != lab["mailbox"]["port"]:
            mailbox.settings = {**mailbox.settings, "port": lab["mailbox"]["port"]}


def code_template(key: str) -> dict[str, Any]:
    """What a code message of this portal looks like, from its behaviour record."""
    file = Path(__file__).parents[2] / "carrier_scripts" / "behaviour" / f"{key}.toml"
    return dict(tomllib.loads(file.read_text(encoding="utf-8")).get("code_template", {}))
