"""Pages between user name, password, code and home: what the usual sign-in does on each, against a host that only answers."""

import asyncio
from typing import Any

import pytest

from carrier_scripts.kit import (
    Approval,
    CodeStep,
    Desk,
    LoginForm,
    Method,
    Outcome,
    Overlay,
    Page,
    Portal,
    Question,
    at,
    sees,
)


class Quay(Portal):
    name = "Quay"
    hosts = frozenset({"quay.example"})
    start = "https://quay.example/name"
    home = "https://quay.example/home"
    login = LoginForm(username="#name", next="#next", password="#secret", submit="#go", frame="#gate")
    code = CodeStep(field="#code", submit="#verify", reference="#reference")
    between = (
        Question("#question", field="#answer", submit="#answered"),
        Method(sees("#methods"), buttons={"sms": "#text", "voice": "#call"}, submit="#chosen"),
        Approval("#number", instead={"email": "#mail"}),
    )
    overlays = (Overlay("#cookies", button="#needed"),)
    sign_out = "#leave"
    signs = {Outcome.SIGNED_OUT: at("/bye"), Outcome.ASKS_CODE: sees("#code"), Outcome.SIGNED_IN: sees("#who")}


class Host:
    """Shows pages one after the other; answers from what it was given."""

    def __init__(self, *pages: str, **answers: Any) -> None:
        self.pages, self.answers = list(pages), answers
        self.did: list[str] = []
        self.signs: list[Any] = []

    async def ask(self, call: str, args: dict[str, Any]) -> Any:
        where = args["chain"][-1][1][0] if args.get("chain") else ""
        self.did.append(f"{args['act']} {where}" if call == "page" else f"{call} {where}".strip())
        if call == "recognise":
            self.signs = args["signs"]
            return self.pages.pop(0)
        return self.answers.get(call, [])

    def sign_in(self) -> Outcome:
        return asyncio.run(Quay().sign_in(Page(self.ask), Desk(self.ask)))

    def log_out(self) -> Outcome:
        return asyncio.run(Quay().log_out(Page(self.ask), Desk(self.ask)))


def test_the_name_goes_in_before_the_password_which_has_a_page_of_its_own() -> None:
    host = Host("login_form", "password_form", "signed_in", "signed_in", confirm_practice=True)
    assert host.sign_in() is Outcome.SIGNED_IN
    wanted = ["type_username #name", "click #next", "recognise", "type_secret #secret", "submit_login #go"]
    start = host.did.index(wanted[0])
    assert host.did[start : start + len(wanted)] == wanted


def test_a_form_in_a_frame_is_looked_for_and_filled_there() -> None:
    host = Host("login_form", "down")
    host.sign_in()
    assert ["login_form", ["inside", "#gate", ["sees", "#name"]]] in host.signs
    assert ["password_form", ["inside", "#gate", ["sees", "#secret"]]] in host.signs


def test_a_password_page_that_comes_back_is_an_unknown_page() -> None:
    host = Host("login_form", "password_form", "password_form")
    assert host.sign_in() is Outcome.UNRECOGNISED
    assert host.did.count("submit_login #go") == 1


def test_a_security_question_is_answered_by_the_desk_alone() -> None:
    host = Host("login_form", "between:0", "password_form", "signed_in", "signed_in", confirm_practice=True)
    assert host.sign_in() is Outcome.SIGNED_IN
    answered = host.did.index("type_answer #answer")
    assert host.did[answered + 1] == "click #answered"
    assert not [did for did in host.did if did.startswith(("fill", "inner_text #question"))]


@pytest.mark.parametrize(("method", "button"), [("sms", "click #text"), ("voice", "click #call")])
def test_the_way_of_this_login_is_chosen(method: str, button: str) -> None:
    host = Host("login_form", "password_form", "between:1", "down", method=method)
    host.sign_in()
    assert host.did[host.did.index("method") + 1 :][:2] == [button, "click #chosen"]


def test_a_way_that_is_not_offered_is_a_persons() -> None:
    host = Host("login_form", "password_form", "between:1", method="totp")
    assert host.sign_in() is Outcome.NEEDS_PERSON
    assert "click #chosen" not in host.did


def test_a_number_is_waited_for_unless_the_login_has_another_way() -> None:
    waited = Host(
        "login_form",
        "password_form",
        "between:2",
        "signed_in",
        "signed_in",
        method="push",
        approval=True,
        confirm_practice=True,
    )
    assert waited.sign_in() is Outcome.SIGNED_IN
    mailed = Host("login_form", "password_form", "between:2", "down", method="email")
    mailed.sign_in()
    assert "click #mail" in mailed.did
    assert "approval #number" not in mailed.did


def test_a_number_nobody_chose_ends_the_run() -> None:
    host = Host("login_form", "password_form", "between:2", method="push", approval=False)
    assert host.sign_in() is Outcome.NEEDS_PERSON


def test_the_reference_is_told_before_the_code_is_waited_for() -> None:
    host = Host("login_form", "password_form", "asks_code", type_code=False)
    assert host.sign_in() is Outcome.NO_CODE
    assert host.did.index("call_line #reference") < host.did.index("type_code #code")


def test_overlays_are_watched_from_before_the_first_page() -> None:
    host = Host("down")
    host.sign_in()
    assert host.did[:2] == ["overlay #needed", "goto"]


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [
        ("signed_out", Outcome.SIGNED_OUT),
        ("login_form", Outcome.SIGNED_OUT),
        ("unrecognised", Outcome.UNRECOGNISED),
    ],
)
def test_logging_out_says_what_showed(shown: str, outcome: Outcome) -> None:
    host = Host(shown)
    assert host.log_out() is outcome
    assert "click #leave" in host.did
