"""What a script asks is checked by its shape: table of what is refused and what passes."""

from typing import Any

import pytest

from carrier_scripts.kit import selectors
from workers.browser import calls

LINK_REFUSED = [
    ("evaluate", ["1"], {}),
    ("locator", ["input[value^=a]"], {}),
    ("locator", ["#p[ value ^= a]"], {}),
    ("locator", ["[\\76 alue^=a]"], {}),
    ("locator", ["[\\value^=a]"], {}),
    ("locator", ["[/**/value^=a]"], {}),
    ("locator", ["form:has(#password[value^=a])"], {}),
    ("locator", ["option, [value^=a]"], {}),
    ("locator", ["input[type=text][value^=a]"], {}),
    ("locator", ["_react=Login[password *= 'a']"], {}),
    ("locator", ["div >> _vue=x"], {}),
    ("locator", ["xpath=//input[@value]"], {}),
    ("locator", ["//input"], {}),
    ("locator", ["internal:attr=[value='a']"], {}),
    ("frame_locator", ["iframe >> xpath=//x"], {}),
    ("get_by_role", ["button >> _react=X"], {}),
    ("get_by_role", ["button"], {"level": "1] >> _react=X"}),
    ("get_by_role", ["button"], {"pressed": True}),
    ("get_by_role", ["row"], {"name": "Password Q"}),
    ("get_by_role", ["heading"], {"level": 2, "name": "Claims"}),
    ("locator", ["role=row[name=/^Password Q/i]"], {}),
    ("locator", ["table >> ROLE = cell [ name *= 'Q' ]"], {}),
    ("locator", ["*role=link[name='Q']"], {}),
    ("locator", ["role=button,row[name='Q']"], {}),
    ("frame_locator", ["role=treeitem[name='Q']"], {}),
    ("nth", ["0 >> _react=X"], {}),
    ("nth", [True], {}),
    ("filter", [], {"has": "x"}),
    ("locator", ["a", "b"], {}),
    ("locator", [["a"]], {}),
    ("locator", "a", {}),
]
LINK_ALLOWED = [
    ("locator", ["input[name=otp]"], {}),
    ("locator", ["#list option[value='12']"], {}),
    ("locator", ["input[type=submit][value='Log In']"], {}),
    ("locator", ["div.md\\:flex"], {}),
    ("locator", ["text=Sign in >> nth=0"], {}),
    ("locator", ["[data-testid=login]"], {}),
    ("get_by_role", ["heading"], {"level": 2}),
    ("get_by_role", ["button"], {"name": "Sign in"}),
    ("locator", ["role=textbox[name='User name']"], {}),
    ("locator", ["role=row >> nth=2"], {}),
    ("nth", [3], {}),
    ("first", [], {}),
    ("filter", [], {"has_text": "Phoenix"}),
]
ACT_REFUSED = [
    ("evaluate", ["1"], {}),
    ("input_value", [], {}),
    ("get_attribute", ["value"], {}),
    ("get_attribute", ["onclick"], {}),
    ("press", ["Control+C"], {}),
    ("set_input_files", ["/etc/passwd"], {}),
    ("screenshot", [], {}),
    ("click", [], {"force": True}),
    ("fill", [1], {}),
    ("click", [], {"timeout": "1"}),
]
SIGNS_REFUSED: list[Any] = [
    [],
    "sees",
    ["evaluates", "1"],
    ["sees", "input[value^=a]"],
    ["inside", "iframe >> xpath=//x", ["sees", "#a"]],
    ["sees", "role=row[name=/^Password Q/i]"],
    ["status", "500"],
    ["at", ""],
    ["all", *[["sees", "#a"]] * 200],
    ["all", ["all", ["all", ["all", ["all", ["all", ["sees", "#a"]]]]]]],
]


@pytest.mark.parametrize(("method", "args", "options"), LINK_REFUSED)
def test_a_link_is_refused(method: str, args: Any, options: Any) -> None:
    assert calls.refused_link(method, args, options)


@pytest.mark.parametrize(("method", "args", "options"), LINK_ALLOWED)
def test_a_link_passes(method: str, args: Any, options: Any) -> None:
    assert calls.refused_link(method, args, options) is None


@pytest.mark.parametrize(("act", "args", "options"), ACT_REFUSED)
def test_an_act_is_refused(act: str, args: Any, options: Any) -> None:
    assert calls.refused_act(act, args, options)


@pytest.mark.parametrize("sign", SIGNS_REFUSED)
def test_a_sign_is_refused(sign: Any) -> None:
    with pytest.raises(ValueError):
        calls.check_sign(sign)


def test_a_sign_of_every_kind_passes() -> None:
    calls.check_sign(
        [
            "all",
            ["at", "/home*"],
            ["any", ["sees", "#a"], ["says", "b"]],
            ["status", 500],
            ["inside", "iframe", ["sees", "#a"]],
        ]
    )


@pytest.mark.parametrize("args", [{"url": "x" * 5000}, {"texts": ["x"] * 3000}, {"a": [[[[[[[[[[[[[["x"]]]]]]]]]]]]]]}])
def test_a_call_that_is_too_large_is_refused(args: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        calls.check_size(args)


@pytest.mark.parametrize(
    ("args", "roles"),
    [
        ({"chain": [["get_by_role", ["textbox"], {"name": "Code"}]]}, {"textbox"}),
        ({"chain": [["locator", ["form >> role=button[name='Go']"], {}]]}, {"button"}),
        ({"signs": [["x", ["any", ["sees", "role=group[name='Q']"]]]]}, {"group"}),
        ({"chain": [["get_by_role", ["row"], {}], ["locator", ["#a"], {}]]}, set()),
    ],
)
def test_names_that_a_call_asks_for_are_found_wherever_they_stand(args: dict[str, Any], roles: set[str]) -> None:
    assert calls.names_asked(args) == roles


def test_words_about_a_value_are_no_selector_about_one() -> None:
    assert selectors.refused("text=The value is wrong") is None
