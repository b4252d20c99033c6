"""What a person sees of a mail is what counts: hidden, forged, nested and oversized things are not read, or not believed."""

import re
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.codes import extract
from broker.codes.authentication import confirmed
from broker.codes.extract import Unreadable, read
from broker.codes.stylesheet import Unclear, specificity
from broker.codes.visible import visible_text
from tests.broker.codes.mails import AUTHSERV, SENDER, mail


def numbers(html: str) -> list[str]:
    return re.findall(r"\d{6}", read(mail(html), AUTHSERV).text)


def test_a_code_mail_is_read() -> None:
    seen = read(mail(), AUTHSERV)
    assert (seen.sender, seen.trusted, seen.subject) == (SENDER, True, "Your sign-in code")
    assert (seen.recipients, seen.message_id) == (frozenset({"codes+1@lab.test"}), "<1@harborline.sim.test>")
    assert seen.text == "Your code is 482913."


HIDDEN = {
    "display": '<p style="display:none">111111</p>',
    "display important": '<p style="DISPLAY : none !important">111111</p>',
    "visibility": '<p style="visibility:hidden">111111</p>',
    "opacity": '<p style="opacity:0">111111</p>',
    "opacity share": '<p style="opacity:0%">111111</p>',
    "hidden": "<p hidden>111111</p>",
    "class": "<style>.x{display:none}</style><p class=x>111111</p>",
    "class in a screen's rules": "<style>@media screen{.x{display:none}}</style><p class=x>111111</p>",
    "class with a comment": "<style>/* } */ .x /* { */ {color:#fff}</style><p class=x>111111</p>",
    "id among others": "<style>h1,#x,h2{visibility:hidden}</style><p id=x>111111</p>",
    "descendant": "<style>div p{display:none}</style><div><p>111111</p></div>",
    "white": '<p style="color:#fff">111111</p>',
    "white by rgb": '<p style="color:rgb(255, 255, 255)">111111</p>',
    "white by new rgb": '<p style="color:rgb(100% 100% 100%)">111111</p>',
    "white by hsl": '<p style="color:hsl(0, 0%, 99%)">111111</p>',
    "white by name": '<font color="white">111111</font>',
    "nearly white": '<p style="color:#fefefe">111111</p>',
    "blue on the same blue": '<p style="background:#0a6e74"><span style="color:#0a6e74">111111</span></p>',
    "cell of its own colour": '<table><tr><td bgcolor="navy"><font color="#000080">111111</font></td></tr></table>',
    "see-through letters": '<p style="color:rgba(0,0,0,0.01)">111111</p>',
    "transparent": '<p style="color:transparent">111111</p>',
    "fill colour": '<p style="-webkit-text-fill-color:#fff">111111</p>',
    "font of zero": '<p style="font-size:0">111111</p>',
    "font of one pixel": '<p style="font-size:1px">111111</p>',
    "tiny by em": '<p style="font-size:0.1em">111111</p>',
    "tiny shorthand": '<p style="font:1px/1 Arial">111111</p>',
    "off the left edge": '<p style="position:absolute;left:-9999px">111111</p>',
    "indented away": '<p style="text-indent:-9999px">111111</p>',
    "margin away": '<p style="margin-left:-2000px">111111</p>',
    "moved away": '<p style="transform:translateX(-9999px)">111111</p>',
    "no height": '<p style="max-height:0;overflow:hidden">111111</p>',
    "one pixel": '<p style="height:1px;width:1px;overflow:hidden">111111</p>',
    "clipped": '<p style="position:absolute;clip:rect(0 0 0 0)">111111</p>',
    "clip path": '<p style="clip-path:inset(50%)">111111</p>',
    "scaled to nothing": '<p style="transform:scale(0)">111111</p>',
    "comment": "<!-- 111111 -->",
    "conditional comment": "<!--[if mso]><p>111111</p><![endif]-->",
    "script": "<script>111111</script>",
    "title": "<title>111111</title>",
    "template": "<template>111111</template>",
    "drawing": "<svg><text>111111</text></svg>",
    "attribute": '<img alt="111111" title="111111"><input value="111111">',
    "outlook": '<p style="mso-hide:all">111111</p>',
    "closed details": "<details><summary>more</summary>111111</details>",
    "parent hidden": '<div style="display:none"><p style="display:block">111111</p></div>',
}


@pytest.mark.parametrize("decoy", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_is_not_seen_is_not_read(decoy: str) -> None:
    assert numbers(f"<html><body>{decoy}<p>Your code is 482913</p>{decoy}</body></html>") == ["482913"]


SHOWN = {
    "white on a blue button": '<a style="color:#fff;background:#0066cc">482913</a>',
    "white on a dark cell": '<table bgcolor="#16324f"><tr><td style="color:white">482913</td></tr></table>',
    "on a picture": '<td style="background-image:url(x.png);color:#fff">482913</td>',
    "pieces": "<span>4</span><span>8</span><b>2</b><i>9</i>13",
    "cells": "<table><tr><td>4</td><td>8</td><td>2</td><td>9</td><td>1</td><td>3</td></tr></table>",
    "two groups": "Your code is <span>482&nbsp;913</span>. It works once.",
    "zero-width letters": "48&#8203;29&#8205;13",
    "shown again": '<div style="font-size:0"><span style="font-size:16px">482913</span></div>',
    "seen through its parent": '<div style="visibility:hidden"><b style="visibility:visible">482913</b></div>',
    "mobile rules": "<style>@media (max-width:600px){.x{display:none}}</style><b class=x>482913</b>",
    "hover": "<style>.x:hover{display:none}</style><b class=x>482913</b>",
    "entities": "&#52;82913",
    "full-width digits": "\uff14\uff18\uff12\uff19\uff11\uff13",
    "unclosed": "<p><b><table><tr><td>482913",
    "revealed comment": "<![if !mso]><p>482913</p><![endif]>",
}


@pytest.mark.parametrize("html", SHOWN.values(), ids=SHOWN.keys())
def test_what_is_seen_is_read(html: str) -> None:
    assert numbers(html) == ["482913"]


@pytest.mark.parametrize(
    "html",
    [
        "Your code is \u202e319284\u202c",
        '<bdo dir="rtl">319284</bdo>',
        '<span style="direction:rtl;unicode-bidi:bidi-override">319284</span>',
        '<div style="display:flex;flex-direction:row-reverse"><i>3</i><i>1</i><i>9284</i></div>',
        '<b style="float:right">3</b><b>19284</b>',
        '<span style="position:relative;left:60px">48</span><span>2913</span>',
        '<style>.c::before{content:"9"}</style><b class="c">482913</b>',
        '<b style="transform:scaleX(-1)">319284</b>',
    ],
)
def test_digits_that_are_shown_in_another_order_are_for_a_person(html: str) -> None:
    with pytest.raises(Unreadable, match="person|own"):
        read(mail(html), AUTHSERV)


def test_text_is_upper_case_where_the_page_shows_it_so() -> None:
    html = '<p>Code: <b style="text-transform:uppercase">abx4q2</b></p>'
    assert read(mail(html), AUTHSERV).text == "Code: ABX4Q2"


def test_of_alternatives_the_one_that_is_shown_counts() -> None:
    assert "111111" not in read(mail(text="Your code is 111111"), AUTHSERV).text
    assert "482913" in read(mail(text="Your code is 111111"), AUTHSERV).text


def test_longer_figures_in_groups_are_not_joined_into_a_code() -> None:
    assert numbers("Call 602 555 014 212 or 123 456 789") == []


def test_a_forwarded_or_attached_message_is_not_read() -> None:
    inner = EmailMessage()
    inner.set_content("Your code is 111111")
    outer = EmailMessage()
    outer["From"], outer["Message-ID"] = SENDER, "<2@x>"
    outer.set_content("Your code is 482913")
    outer.add_attachment(inner)
    outer.add_attachment("Your code is 222222", filename="code.txt")
    outer.add_attachment("Your code is 333333", disposition="attachment")
    assert re.findall(r"\d{6}", read(outer.as_bytes(), AUTHSERV).text) == ["482913"]


def test_an_inline_forwarded_message_is_not_read() -> None:
    raw = (
        b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n"
        b"Content-Disposition: inline\r\n\r\nFrom: c@d.test\r\n\r\nYour code is 111111\r\n--x--\r\n"
    )
    assert "111111" not in read(raw, AUTHSERV).text


@pytest.mark.parametrize(
    "sender",
    [
        f"{SENDER}, evil@evil.test",
        "a@evil@harborline.sim.test",
        "",
        "Harborline",
        f"Group: {SENDER}, evil@evil.test;",
        f"<{SENDER}> <evil@evil.test>",
        "(comment)",
    ],
)
def test_a_mail_without_exactly_one_sender_is_not_read(sender: str) -> None:
    raw = mail().replace(f"From: Harborline Security <{SENDER}>".encode(), f"From: {sender}".encode())
    with pytest.raises(Unreadable, match="one sender"):
        read(raw, AUTHSERV)


def test_two_from_headers_are_not_one_sender() -> None:
    with pytest.raises(Unreadable, match="one sender"):
        read(b"From: evil@evil.test\r\n" + mail(), AUTHSERV)


def test_forty_thousand_addresses_are_no_sender() -> None:
    many = ", ".join(f"a{n}@evil.test" for n in range(1000))
    with pytest.raises(Unreadable):
        read(mail().replace(f"Harborline Security <{SENDER}>".encode(), many.encode()), AUTHSERV)


HEADER = "Authentication-Results"
PASSES = [
    f"{AUTHSERV}; dkim=pass header.d=harborline.sim.test; dmarc=none header.from=harborline.sim.test",
    f"{AUTHSERV}; dmarc=none; spf=pass; dkim=pass header.i=@harborline.sim.test",
    f"{AUTHSERV}; dmarc=pass header.from=harborline.sim.test",
    f"{AUTHSERV} 1; dmarc=pass (p=reject dis=none) header.from=harborline.sim.test",
    f"{AUTHSERV}; dkim=pass header.d=harborline.sim.test",
    f"{AUTHSERV}; dkim=pass header.i=@harborline.sim.test header.s=k1",
    f"{AUTHSERV}; dkim=fail header.d=other.test; dkim=pass header.d=sim.test",
    f"{AUTHSERV}; spf=fail smtp.mailfrom=bounce.test; dmarc=pass header.from=harborline.sim.test",
]
FAILS = [
    None,
    "mx.evil.test; dmarc=pass header.from=harborline.sim.test",
    f"{AUTHSERV}; dmarc=fail header.from=harborline.sim.test; dkim=pass header.d=harborline.sim.test",
    f"{AUTHSERV}; dmarc=none",
    f"{AUTHSERV}; dmarc=none; dkim=pass header.d=evil.test",
    f"{AUTHSERV}; dmarc=temperror; dkim=pass header.d=harborline.sim.test",
    f"{AUTHSERV}; dmarc=pass header.from=evil.test",
    f"{AUTHSERV}; dkim=pass header.d=evil.test",
    f"{AUTHSERV}; dkim=pass header.d=mail.harborline.sim.test",
    f"{AUTHSERV}; dkim=pass header.d=test",
    f"{AUTHSERV}; spf=pass smtp.mailfrom=harborline.sim.test",
    f'{AUTHSERV}; spf=pass smtp.mailfrom="x; dmarc=pass header.from=harborline.sim.test"@evil.test',
    f"{AUTHSERV}; spf=pass (dmarc=pass header.from=harborline.sim.test) smtp.mailfrom=evil.test",
    f"{AUTHSERV}; spf=pass reason=dmarc=pass",
    f"{AUTHSERV}.evil.test; dmarc=pass header.from=harborline.sim.test",
    f"x {AUTHSERV}; dmarc=pass header.from=harborline.sim.test",
    "",
    ";;;",
]


@pytest.mark.parametrize("verdict", PASSES)
def test_the_receiving_servers_yes_is_believed(verdict: str) -> None:
    assert confirmed([(HEADER, verdict)], "harborline.sim.test", AUTHSERV)


@pytest.mark.parametrize("verdict", FAILS)
def test_anything_else_is_not(verdict: str | None) -> None:
    assert not confirmed([(HEADER, verdict)] if verdict is not None else [], "harborline.sim.test", AUTHSERV)


def test_only_the_topmost_verdict_counts() -> None:
    two = [(HEADER, f"{AUTHSERV}; dmarc=fail"), (HEADER, PASSES[0])]
    assert not confirmed(two, "harborline.sim.test", AUTHSERV)


def test_without_a_configured_server_nothing_is_believed() -> None:
    assert not confirmed([(HEADER, PASSES[0])], "harborline.sim.test", None)


def nested(depth: int) -> bytes:
    head = b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n"
    parts = b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(depth))
    return head + parts


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"From: a@b.test\r\n\r\n" + b"x" * extract.MESSAGE_BYTES, "larger"),
        (b"From: a@b.test\r\nX: " + b"y" * 200_000 + b"\r\n\r\nhello", "header is larger"),
        (b"From: a@b.test\r\n" + b"X-Many: y\r\n" * 20_000 + b"\r\nhello", "header is larger"),
        (nested(20), "nested too deeply"),
        (
            b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\na\r\n" * 100,
            "many parts",
        ),
        (
            b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\na\r\n" * 50_000,
            "many parts",
        ),
    ],
    ids=["large", "one long header", "many headers", "deep", "parts", "fifty thousand parts"],
)
def test_what_no_code_mail_looks_like_is_refused_before_it_costs(raw: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(raw, AUTHSERV)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.test\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nYour code is 482913",
        b"From: a@b.test\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!WW91ciBjb2Rl",
        b"From: a@b.test\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"From: a@b.test\r\n\r\n\x00\x00482913\x00",
        b"From: a@b.test\r\nContent-Type: text/html\r\n\r\n" + b"<div>" * 5000 + b"482913",
        b"From: a@b.test\r\nSubject: =?utf-8?q?=ff?= =?x?z?y?=\r\n\r\n.",
        b"From: a@b.test\r\nContent-Type: text/html\r\n\r\n<style>" + b"a{" * 5000,
    ],
)
def test_malformed_mails_are_read_as_far_as_they_go(raw: bytes) -> None:
    assert read(raw, AUTHSERV).sender == "a@b.test"


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read(raw, AUTHSERV)
    except (Unreadable, ValueError, LookupError, TypeError, AttributeError):
        return


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_html_is_read_or_refused_with_words(html: str) -> None:
    try:
        read(mail(f"<body>{html}"), AUTHSERV)
    except Unreadable as why:
        assert str(why)


@given(style=st.text(st.characters(codec="ascii", exclude_characters='"<>'), max_size=80))
def test_any_style_leaves_its_neighbours_alone(style: str) -> None:
    try:
        assert "482913" in numbers(f'<p style="{style}">x</p><p>482913</p>')
    except Unreadable as why:
        assert "person" in str(why)


@pytest.mark.parametrize(
    ("selector", "weight"),
    [
        ("*", (0, 0, 0)),
        ("p", (0, 0, 1)),
        ("div p > b", (0, 0, 3)),
        ("p.code", (0, 1, 1)),
        ('.mail [data-x="a.b#c"] p:first-child', (0, 3, 1)),
        ("#code", (1, 0, 0)),
        ("p:not(.x)", (0, 1, 1)),
        (":where(#code .x) p", (0, 0, 1)),
    ],
)
def test_how_specific_a_selector_is(selector: str, weight: tuple[int, int, int]) -> None:
    assert specificity(selector) == weight


@pytest.mark.parametrize(
    ("sheet", "shows"),
    [
        ("p.code{display:block} p{display:none}", True),
        ("p{display:none} p.code{display:block}", True),
        ("p.code{display:none} p{display:block}", False),
        ("#one{display:none} p.code{display:block}", False),
        ("p{display:none} p{display:block}", True),
        ("p{display:none !important} p.code{display:block}", False),
        ("p{display:none !important} p.code{display:block !important}", True),
        ("p.code{display:none}", False),
    ],
)
def test_the_more_specific_rule_says_what_is_seen(sheet: str, shows: bool) -> None:
    html = f"<style>{sheet}</style><p class=code id=one>Your code is 482913</p>"
    assert ("482913" in visible_text(html)) is shows


def test_an_elements_own_style_holds_before_any_rule_that_is_not_important() -> None:
    html = "<style>#one{display:none}</style><p id=one style='display:block'>482913</p>"
    assert "482913" in visible_text(html)
    assert "482913" not in visible_text(html.replace("none}", "none !important}"))


@pytest.mark.parametrize(
    ("sender", "verdict", "whole"),
    [
        (SENDER, None, True),
        ("news@harborline.sim.test", None, False),
        (SENDER, "mx.lab.test; none", False),
    ],
)
def test_only_what_comes_from_an_awaited_sender_for_certain_is_read_whole(
    sender: str, verdict: str | None, whole: bool
) -> None:
    raw = mail(sender=sender, verdict=verdict) if verdict else mail(sender=sender)
    seen = read(raw, AUTHSERV, [SENDER])
    assert (seen.text == "Your code is 482913.", seen.head_only) == (whole, not whole)
    assert seen.sender == sender


def test_an_awaited_host_is_read_whole_from_any_address_there() -> None:
    assert not read(mail(sender="news@harborline.sim.test"), AUTHSERV, ["@harborline.sim.test"]).head_only


def test_styles_with_too_much_work_are_for_a_person_and_usual_ones_are_not() -> None:
    cells = "<td>x</td>" * 4000
    usual = "".join(f".c{number} td{{color:red}}" for number in range(80))
    many = ",".join(f".c{number} td" for number in range(4000)) + "{color:red}"
    assert "482913" in visible_text(f"<style>{usual}</style><p>Your code is 482913.</p><table>{cells}</table>")
    with pytest.raises(Unclear, match="styles are larger"):
        visible_text(f"<style>{many}</style><p>Your code is 482913.</p><table>{cells}</table>")
