"""The usual sign-in against a host that only answers: which calls, in which order, and which one outcome."""

import asyncio
from typing import Any

import pytest

from carrier_scripts.kit import Choice, CodeStep, Desk, Later, LoginForm, Outcome, Page, Portal, at, sees


class Harbor(Portal):
    name = "Harbor"
    hosts = frozenset({"harbor.example"})
    start = "https://harbor.example/signin"
    home = "https://harbor.example/home"
    login = LoginForm(username="#user", password="#secret", submit="#go")
    code = CodeStep(field="#code", submit="#verify", remember="#remember")
    between = (Later(at("/notice"), button="#later"), Choice("practice", options=".option", submit="#continue"))
    practice = ("#practice",)
    signs = {
        Outcome.WRONG_PASSWORD: sees("#error"),
        Outcome.WRONG_CODE: sees("#code-error"),
        Outcome.ASKS_CODE: sees("#code"),
        Outcome.TERMS_CHANGED: at("/terms"),
        Outcome.SIGNED_IN: sees("#who"),
    }


class Host:
    """Shows pages one after the other; everything else is answered from `answers`."""

    def __init__(self, *pages: str, **answers: Any) -> None:
        self.pages = list(pages)
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, call: str, args: dict[str, Any]) -> Any:
        self.calls.append((call, args))
        if call == "recognise":
            return self.pages.pop(0)
        if call == "page":
            act = args["act"]
            return {"all_inner_texts": ["Phoenix", "Tucson"]}.get(act)
        return self.answers.get(call)

    def did(self) -> list[str]:
        return [f"{args['act']} {args['chain'][0][1][0]}" if call == "page" else call for call, args in self.calls]

    def sign_in(self) -> Outcome:
        return asyncio.run(Harbor().sign_in(Page(self.ask), Desk(self.ask)))


def test_a_plain_sign_in_submits_once_and_proves_the_practice() -> None:
    host = Host("login_form", "signed_in", confirm_practice=True)
    assert host.sign_in() is Outcome.SIGNED_IN
    assert host.did() == [
        "goto", "recognise", "type_username", "type_secret", "submit_login", "recognise",
        "confirm_practice",
    ]  # fmt: skip


def test_the_box_is_ticked_and_the_code_reported_accepted() -> None:
    host = Host("login_form", "asks_code", "signed_in", type_code=True, confirm_practice=True)
    assert host.sign_in() is Outcome.SIGNED_IN
    did = host.did()
    assert did.index("check #remember") < did.index("type_code") < did.index("click #verify")
    assert ("code_answered", {"accepted": True}) in host.calls


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ("terms_changed", [True]),
        ("between:1", [True]),
        ("password_expired", [True]),
        ("wrong_code", [False]),
        ("locked", [False]),
        ("down", []),
        ("captcha", []),
        ("signed_out", []),
        ("login_form", []),
        ("unrecognised", []),
    ],
)
def test_only_a_page_that_answers_the_code_is_reported_as_its_answer(shown: str, told: list[bool]) -> None:
    host = Host("login_form", "asks_code", shown, "unrecognised", type_code=True)
    assert host.sign_in() is not Outcome.SIGNED_IN
    assert [args["accepted"] for call, args in host.calls if call == "code_answered"] == told


def test_no_code_ends_the_run_and_nothing_is_pressed() -> None:
    host = Host("login_form", "asks_code", type_code=False)
    assert host.sign_in() is Outcome.NO_CODE
    assert "click #verify" not in host.did()


def test_a_wrong_code_is_reported_and_not_tried_again() -> None:
    host = Host("login_form", "asks_code", "wrong_code", type_code=True)
    assert host.sign_in() is Outcome.WRONG_CODE
    assert ("code_answered", {"accepted": False}) in host.calls
    assert host.did().count("type_code") == 1


def test_a_mistyped_code_is_asked_for_once_more_when_the_desk_allows_it() -> None:
    pages = ("login_form", "asks_code", "wrong_code", "signed_in")
    host = Host(*pages, type_code=True, another_code=True, confirm_practice=True)
    assert host.sign_in() is Outcome.SIGNED_IN
    did = host.did()
    told = [args["accepted"] for call, args in host.calls if call == "code_answered"]
    assert told == [False, True]
    assert did.count("submit_login") == 1
    second = did[did.index("another_code") :]
    assert [step for step in second if step in ("type_code", "click #verify", "code_left", "recognise")][:4] == [
        "type_code", "click #verify", "code_left", "recognise",
    ]  # fmt: skip
    looks = [args["but_not"] for call, args in host.calls if call == "recognise"]
    assert looks[3] == ["asks_code"], "a second wrong code must be seen as one"


def test_a_second_wrong_code_is_told_and_the_desk_decides_again() -> None:
    class Twice(Host):
        async def ask(self, call: str, args: dict[str, Any]) -> Any:
            if call == "another_code":
                self.calls.append((call, args))
                return self.did().count("another_code") == 1
            return await super().ask(call, args)

    host = Twice("login_form", "asks_code", "wrong_code", "wrong_code", type_code=True)
    assert host.sign_in() is Outcome.WRONG_CODE
    assert host.did().count("type_code") == 2


def test_nobody_hands_in_another_code_and_the_portals_answer_stands() -> None:
    class Once(Host):
        async def ask(self, call: str, args: dict[str, Any]) -> Any:
            if call == "type_code":
                self.calls.append((call, args))
                return self.did().count("type_code") == 1
            return await super().ask(call, args)

    host = Once("login_form", "asks_code", "wrong_code", another_code=True)
    assert host.sign_in() is Outcome.WRONG_CODE
    assert host.did().count("click #verify") == 1


def test_a_wrong_password_is_never_submitted_twice() -> None:
    host = Host("login_form", "wrong_password")
    assert host.sign_in() is Outcome.WRONG_PASSWORD
    assert host.did().count("submit_login") == 1


def test_a_sign_in_form_that_comes_back_is_an_unknown_page() -> None:
    host = Host("login_form", "login_form")
    assert host.sign_in() is Outcome.UNRECOGNISED
    assert host.did().count("submit_login") == 1


def test_terms_are_not_accepted() -> None:
    host = Host("login_form", "terms_changed")
    assert host.sign_in() is Outcome.TERMS_CHANGED
    assert [did for did in host.did() if did.startswith("click")] == []


def test_the_page_we_come_from_is_not_seen_again() -> None:
    host = Host("login_form", "asks_code", "signed_in", type_code=True, confirm_practice=True)
    host.sign_in()
    looks = [args["but_not"] for call, args in host.calls if call == "recognise"]
    assert looks == [[], ["login_form"], ["asks_code"]]


def test_a_notice_is_put_off_and_a_practice_chosen() -> None:
    host = Host("login_form", "between:0", "between:1", "signed_in", choose="Phoenix", confirm_practice=True)
    assert host.sign_in() is Outcome.SIGNED_IN
    did = host.did()
    assert did.index("click #later") < did.index("choose") < did.index("click .option") < did.index("click #continue")


def test_an_unclear_choice_is_a_persons() -> None:
    host = Host("login_form", "between:1", choose=None)
    assert host.sign_in() is Outcome.NEEDS_PERSON
    assert "click .option" not in host.did()


def test_signed_in_for_a_sibling_is_not_signed_in() -> None:
    host = Host("login_form", "signed_in", confirm_practice=False)
    assert host.sign_in() is Outcome.WRONG_PRACTICE


def test_pages_that_go_in_circles_end_the_run() -> None:
    host = Host("login_form", *["between:0"] * 20)
    assert host.sign_in() is Outcome.UNRECOGNISED
    assert host.did().count("recognise") < 20


def test_a_session_that_shows_the_sign_in_form_is_signed_out() -> None:
    host = Host("login_form")
    assert asyncio.run(Harbor().prove(Page(host.ask), Desk(host.ask))) is Outcome.SIGNED_OUT


def test_signs_are_asked_in_the_order_they_are_written() -> None:
    host = Host("signed_in")
    asyncio.run(Harbor().recognise(Page(host.ask)))
    names = [name for name, _ in host.calls[0][1]["signs"]]
    assert names == [
        "wrong_password",
        "wrong_code",
        "asks_code",
        "terms_changed",
        "signed_in",
        "between:0",
        "between:1",
        "login_form",
    ]


@pytest.mark.parametrize(
    "make", [lambda page: page._then("evaluate", "1"), lambda page: page.get_by_role("button", include_hidden=True)]
)
def test_a_locator_has_only_what_the_list_allows(make: Any) -> None:
    with pytest.raises(ValueError, match="cannot use"):
        make(Page(Host().ask))
