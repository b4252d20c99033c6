"""Nothing of the lab is left untried: every simulated carrier, every verb, every fault that can befall it.

The lists are those that parametrise the tests, so that a case taken out of a test is missing here.
"""

import importlib
from typing import Any

import pytest

from carrier_scripts import registry
from carrier_scripts.lab import faults, founding
from carrier_scripts.lab.web import SITES
from tests.workers.browser import carriers
from tests.workers.browser import test_every_carrier as signed_in
from tests.workers.browser import test_every_carrier_after as after
from tests.workers.browser import test_every_carrier_before as before
from tests.workers.browser import test_lookups_bad as lookups_bad
from tests.workers.browser import test_lookups_everywhere as lookups_everywhere

CARRIERS = [site.key for site in SITES]
REFUSED = [key for key in CARRIERS if registry.portal(key).automation == "attended"]
"""Their terms forbid programs: no fault can befall Portunus there, for it never goes."""
ALLOWED = [key for key in CARRIERS if registry.portal(key).automation == "automated"]
"""Lookups by program."""
OVERLAY = {
    "maintenance page": "maintenance",
    "5xx": "error",
    "hang": "hang",
    "slow trickle": "trickle",
    "DNS failure": carriers.NO_NAME,
    "expired certificate": "expired_certificate",
    "look-alike host redirect": "lookalike",
    "layout v2": "skin",
    "duplicate codes": "code_twice",
    "out-of-order codes": "code_late",
    "code for another account sharing the mailbox": "code_foreign",
    "code e-mail with changed sender": "code_sender",
    "clock skew": "clock",
    "mailbox login broken": "mailbox_down",
    "half-finished download": "half_download",
    "PDF that is an HTML error page": "html_pdf",
    "patient collision": "collision",
    "inconsistent accumulators": "accumulators",
}
"""What S0, the overlay for any carrier, is made of, and how the lab and these tests call it."""
OF_SOME = {
    "profile": {"copper_mesa_az", "copper_mesa_nv"},
    "terms": {"harborline", "bluestone_mutual"},
    "hints": {"sentinel_dental"},
    "abroad": {"sentinel_dental"},
    "hold": {"sentinel_dental"},
    "enrolment": {"evergreen_medicaid"},
    "recovery": {"union_summit"},
    "dormant": {"union_summit"},
    "training": set(REFUSED),
    "recertify": set(REFUSED),
}
"""Faults of certain carriers only."""
ELSEWHERE = {
    "code_late": "tests.walks.test_twelve_logins:test_twelve_sign_in_at_once_and_the_carriers_count_no_wrong_and_no_reused_code",
    "mailbox_down": "tests.workers.test_mailbox:test_an_outage_in_mid_login_loses_nothing",
    "navigate": "tests.workers.browser.test_wandering:test_a_signed_in_page_reaches_neither_another_host_nor_a_private_address",
    "end_sessions": "tests.workers.browser.test_keepalive:test_a_look_that_finds_the_portal_signed_out_ends_the_session_in_words",
    "http_auth": "tests.workers.browser.test_challenge:test_what_one_person_typed_for_a_server_is_not_given_for_the_next",
    "usual_hours": "tests.portals.test_every_portal:test_a_saved_page_is_what_its_name_says",
    "keeps_hours": "tests.carrier_scripts.lab.test_nine:test_evergreen_is_closed_at_night_with_a_status_of_200",
    "claims_land": "tests.carrier_scripts.kit.test_paging:test_a_row_that_slips_to_the_next_page_makes_it_start_again_and_none_is_doubled",
}
"""Faults that have nothing to do with the carrier they are switched on at, and where they are tried."""


def params(test: Any) -> list[Any]:
    """What a test is really run with."""
    (mark,) = [one for one in test.pytestmark if one.name == "parametrize"]
    given = [one.values if hasattr(one, "values") and not isinstance(one, dict) else one for one in mark.args[1]]
    return [one[0] if isinstance(one, tuple) and len(one) == 1 else one for one in given]


def tried() -> set[tuple[str, str]]:
    """Carrier and fault, for all that the tests switch on."""
    found: set[tuple[str, str]] = set()
    for case in params(before.test_trouble_before_the_password_costs_no_try):
        found |= {(case.key, fault) for fault, _, _ in (*before.BEFORE, *case.before_password)}
    found |= {(case.key, trouble[0]) for case, trouble in params(after.test_trouble_after_the_password_costs_one)}
    for case in params(signed_in.test_a_code_among_others_is_found):
        found |= {
            (case.key, fault) for fault, _ in (*signed_in.AMONG_OTHERS, *(signed_in.OF_A_TWIN if case.twins else ()))
        }
    found |= {(case.key, fault) for case, fault in params(signed_in.test_a_code_that_cannot_be_believed_is_not_typed)}
    found |= {(case.key, "trickle") for case in params(signed_in.test_in_awake_and_out)}
    clocked = params(before.test_an_authenticators_code_under_a_clock_that_differs_is_tried_once)
    found |= {(key, "clock") for key in clocked}
    for key in params(lookups_bad.test_trouble_is_a_typed_failure_or_a_conflict_that_is_named):
        found |= {(key, fault) for fault in lookups_bad.faults_of(key)}
    return found


def befalls(fault: str, key: str) -> bool:
    """Whether this fault can meet Portunus at this carrier; told by the founding document and the scripts, not by the tests."""
    logins = founding.accounts_of(key)
    code = "".join(one["text"] for one in registry.script(key).sources)
    if fault.startswith("code_"):
        sent = logins[0].channel in (("email",) if fault == "code_unsigned" else ("email", "sms"))
        twins = len({one.address for one in logins if one.channel == logins[0].channel}) > 1
        return sent and (fault != "code_foreign" or twins)
    match fault:
        case "clock":
            return logins[0].channel == "totp"
        case "collision":
            return key in ALLOWED
        case "accumulators":
            return key in ALLOWED and key not in lookups_bad.NO_TWO_AMOUNTS
        case "half_download" | "html_pdf":
            return key in ALLOWED and "explanation(" in code
    return key in OF_SOME.get(fault, {key})


def test_the_lab_has_twelve_carriers_and_one_forbids_programs() -> None:
    assert (len(CARRIERS), REFUSED) == (12, ["pelican_federal"])
    assert callable(signed_in.test_a_carrier_that_forbids_programs_is_never_visited)


def test_every_carrier_is_signed_in_to_kept_awake_and_left() -> None:
    assert {case.key for case in params(signed_in.test_in_awake_and_out)} == set(CARRIERS) - set(REFUSED)


def test_every_carrier_that_allows_lookups_is_asked_both_kinds() -> None:
    assert set(params(lookups_everywhere.test_every_fact_of_a_member_and_her_claims_is_right)) == set(ALLOWED)


def test_the_overlay_for_any_carrier_is_whole() -> None:
    """Two of it are no switches of the lab: a name that leads nowhere is DNS's, the clock has a lever of its own."""
    assert set(OVERLAY.values()) - faults.NAMES == {carriers.NO_NAME, "clock"}


@pytest.mark.parametrize("fault", sorted((faults.NAMES | set(OVERLAY.values())) - set(ELSEWHERE)))
def test_every_fault_is_tried_at_every_carrier_it_can_befall(fault: str) -> None:
    visited = {key for key in CARRIERS if key not in REFUSED}
    can = {key for key in visited if befalls(fault, key)}
    assert can - {key for key, name in tried() if name == fault} == set()
    assert can or OF_SOME[fault] == set(REFUSED)


@pytest.mark.parametrize("fault", ELSEWHERE)
def test_what_is_tried_elsewhere_is_there(fault: str) -> None:
    module, _, name = ELSEWHERE[fault].partition(":")
    assert fault in faults.NAMES
    assert callable(getattr(importlib.import_module(module), name))
