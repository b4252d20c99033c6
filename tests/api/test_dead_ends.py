"""Where somebody could be stuck, the page says what to do next and whom to ask."""

import dataclasses

import pytest

from broker.base.actor import Actor, ActorKind, system
from broker.identity import links, people
from tests import factories

SYSTEM = system("test")


@pytest.fixture
def practice(portunus):
    """Maria the biller, Ana the administrator, and another practice's administrator."""
    with portunus.unit(SYSTEM) as work:
        org = factories.organization(work)
        maria = factories.user(work, org)
        factories.user(work, org, "Ana Petrova", role="admin")
        gone = factories.user(work, org, "Gus Gone", role="admin")
        people.disable_user(work, gone.id)
        factories.user(work, factories.organization(work, "Other Group"), "Zoe Other", role="admin")
    return maria


def test_a_refusal_names_the_own_administrators_and_nobody_elses(practice, signed_in):
    page = signed_in(practice).get("/people")
    assert page.status_code == 403
    assert "Your administrator is Ana Petrova." in page.text
    assert "Zoe" not in page.text
    assert "Gus" not in page.text
    assert 'href="/start"' in page.text


def test_a_refusal_as_data_names_nobody(practice, signed_in):
    assert "Ana" not in signed_in(practice).client.get("/api/v1/audit").text


def test_nobody_signed_in_learns_no_name(practice, visitor):
    for path in ("/sign-in", "/sign-in/help", "/sign-in/link/unknown"):
        assert "Ana" not in visitor.get(path).text


def test_sign_in_page_leads_to_help_for_password_and_phone(visitor):
    assert 'href="/sign-in/help"' in visitor.get("/sign-in").text
    text = visitor.get("/sign-in/help").text
    assert "reset your second step" in text
    assert "portunus link" in text


def test_help_names_whom_the_setting_names(portunus, signed_in, app, visitor):
    app.state.portunus = dataclasses.replace(
        portunus, settings=portunus.settings.model_copy(update={"help_contact": "Ana Petrova, extension 204"})
    )
    assert "Ana Petrova, extension 204" in visitor.get("/sign-in/help").text
    assert "Ana Petrova, extension 204" in visitor.get("/sign-in/link/unknown").text


def test_a_used_link_says_how_to_go_on_and_whom_to_tell(portunus, practice, visitor):
    with portunus.unit(Actor(ActorKind.OPERATOR, "root", "root at the shell")) as work:
        token = links.create_link(work, practice)
    assert visitor.post(f"/sign-in/link/{token}").status_code == 303
    again = visitor.get(f"/sign-in/link/{token}")
    assert again.status_code == 410
    assert 'href="/sign-in"' in again.text
    assert "Did somebody else use it?" in again.text


@pytest.mark.parametrize("path", ["/nowhere", "/tabs/lea_unknown", "/recordings/rec_unknown"])
def test_what_is_not_there_leads_back_to_work(practice, signed_in, path):
    page = signed_in(practice).get(path)
    assert page.status_code == 404
    assert 'href="/start"' in page.text
