"""The founding document: an invented dental group, invented carriers, and the logins between them.

Printed as JSON by `python -m carrier_scripts.lab.founding`. Everyone in it is made up; e-mail is `.test`, telephones are 555-01xx,
tax numbers begin with 07 (a prefix the IRS has never issued) and provider identifiers with 19999999, the documented test range.
"""

import json
from dataclasses import asdict
from typing import Any

from carrier_scripts.lab.facts import Account, Carrier, Location
from carrier_scripts.lab.founding_nine import ACCOUNTS_OF_NINE, LOOKALIKES_OF_NINE, NINE

__all__ = [
    "ACCOUNTS", "AUTHSERV", "CARRIERS", "LOCATIONS", "LOOKALIKE_HOSTS", "MAILBOX", "MAIL_DOMAIN", "ORGANIZATION", "SEED",
    "SUFFIX", "Account", "Carrier", "Location", "accounts_of", "carrier", "document", "location",
]  # fmt: skip

SEED = 20260401
MAILBOX = "codes@lab.test"
MAIL_DOMAIN = "lab.test"
AUTHSERV = "mx.lab.test"
SUFFIX = ".sim.test"


ORGANIZATION = {"key": "saguaro", "name": "Saguaro Dental Partners", "kind": "dso"}

LOCATIONS = (
    Location(
        "phoenix",
        "Saguaro Family Dental",
        "Phoenix",
        "America/Phoenix",
        "1999999984",
        "Saguaro Family Dental of Phoenix PLLC",
        "070010431",
    ),
    Location(
        "tucson",
        "Old Pueblo Dental Care",
        "Tucson",
        "America/Phoenix",
        "1999999976",
        "Old Pueblo Dental Care PLLC",
        "070020587",
    ),
    Location(
        "flagstaff",
        "San Francisco Peaks Dentistry",
        "Flagstaff",
        "America/Phoenix",
        "1999999992",
        "San Francisco Peaks Dentistry LLC",
        "070030662",
    ),
)

CARRIERS: tuple[Carrier, ...] = (
    Carrier(
        key="harborline",
        name="Harborline Dental PPO",
        short="Harborline",
        hosts=("harborline.sim.test",),
        start_url="https://harborline.sim.test/signin",
        provider_line="602-555-0134",
        member_prefix="HD1",
        claim_prefix="HL",
        code_senders=("security@harborline.sim.test",),
        code_subject="Your Harborline sign-in code",
        postal="P.O. Box 7106, Harbor City",
    ),
    Carrier(
        key="copper_mesa_az",
        name="Copper Mesa Dental of Arizona",
        short="Copper Mesa AZ",
        hosts=("coppermesa-az.sim.test",),
        start_url="https://coppermesa-az.sim.test/Account/Login",
        provider_line="602-555-0157",
        member_prefix="CM2",
        claim_prefix="CZ",
        code_senders=("+16025550100",),
        code_life="90 seconds",
    ),
    Carrier(
        key="northgate",
        name="Northgate Exchange",
        short="Northgate",
        hosts=("northgate.sim.test", "payerspaces.sim.test"),
        start_url="https://northgate.sim.test/login",
        provider_line="602-555-0178",
        member_prefix="NX3",
        claim_prefix="NG",
    ),
    *NINE,
)

LOOKALIKE_HOSTS = {
    "harborline": "harborline-secure.sim.test",
    "copper_mesa_az": "coppermesa-az-login.sim.test",
    "northgate": "northgate-exchange.sim.test",
    **LOOKALIKES_OF_NINE,
}

_EVERYWHERE = ("phoenix", "tucson", "flagstaff")

ACCOUNTS: tuple[Account, ...] = (
    Account(
        key="harborline-1",
        carrier="harborline",
        username="saguaro.phoenix",
        password="Quartz-Heron-4417",
        login_kind="individual",
        channel="email",
        locations=_EVERYWHERE,
        address="codes+harborline-1@lab.test",
        masked="c•••1@lab.test",
        label="First login",
    ),
    Account(
        key="harborline-2",
        carrier="harborline",
        username="saguaro.tucson",
        password="Basalt-Otter-9052",
        login_kind="individual",
        channel="email",
        locations=_EVERYWHERE,
        address="codes+harborline-2@lab.test",
        masked="c•••2@lab.test",
        label="Second login",
    ),
    Account(
        key="copper_mesa_az-1",
        carrier="copper_mesa_az",
        username="SAGUARO-OFFICE",
        password="Copper-Wren-2286",
        login_kind="practice_shared",
        channel="sms",
        locations=_EVERYWHERE,
        address="+16025550142",
        masked="•••0142",
    ),
    Account(
        key="northgate-1",
        carrier="northgate",
        username="dlopez",
        password="Juniper-Finch-7731",
        login_kind="individual",
        channel="totp",
        locations=_EVERYWHERE,
        totp_seed="JBSWY3DPEHPK3PXPLABNORTHGATEAAA2",
        address="codes+northgate-1@lab.test",
        backup_codes=("NRTH-4821-QXPA", "NRTH-7730-ZKDM", "NRTH-1956-BHTW"),
    ),
    Account(
        key="northgate-2",
        carrier="northgate",
        username="mchen",
        password="Ochre-Lynx-1648",
        login_kind="individual",
        channel="totp",
        locations=("tucson", "flagstaff"),
        role="eligibility",
        totp_seed="KRSXG5CTMVRXEZLULABNORTHGATEBBB3",
        address="codes+northgate-2@lab.test",
        backup_codes=("NRTH-3302-FJSL", "NRTH-8147-PWGC", "NRTH-6589-YRVN"),
    ),
    *ACCOUNTS_OF_NINE,
)


def carrier(key: str) -> Carrier:
    """Raises KeyError for a carrier the lab does not have."""
    return {one.key: one for one in CARRIERS}[key]


def location(key: str) -> Location:
    return {one.key: one for one in LOCATIONS}[key]


def accounts_of(carrier_key: str) -> list[Account]:
    return [one for one in ACCOUNTS if one.carrier == carrier_key]


def document() -> dict[str, Any]:
    """Everything as plain data; what the demo's seeding reads."""
    return {
        "seed": SEED,
        "mailbox": MAILBOX,
        "authserv": AUTHSERV,
        "organization": ORGANIZATION,
        "locations": [asdict(one) for one in LOCATIONS],
        "carriers": [asdict(one) for one in CARRIERS],
        "accounts": [asdict(one) for one in ACCOUNTS],
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=2, ensure_ascii=False))
