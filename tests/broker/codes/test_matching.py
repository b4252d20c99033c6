"""Which request does a message answer? Pure rules, one by one."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.codes import matching
from broker.codes.matching import (
    Arrival,
    Kept,
    Rule,
    Verdict,
    Waiting,
    decide,
    find_codes,
    keep,
    pattern_is_safe,
    told_apart,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SENDER = "security@harborline.sim.test"
RULE = Rule(senders=frozenset({SENDER}), context=("your code is",))


def message(text: str = "Your code is 482913", **more: Any) -> Arrival:
    values: dict[str, Any] = {
        "endpoint_id": "end_1",
        "channel": "email",
        "external_id": "<1@x>",
        "sender": SENDER,
        "trusted": True,
        "recipients": frozenset({"codes@lab.test"}),
        "subject": "Your sign-in code",
        "text": text,
        "received_at": NOW,
        "raw_digest": "d",
    }
    return Arrival(**values | more)


def request(number: int = 1, *, asked: float = 10, life: float = 600, rule: Rule = RULE, **more: Any) -> Waiting:
    """A request made `asked` seconds ago."""
    asked_at = NOW - timedelta(seconds=asked)
    return Waiting(f"cod_{number}", f"acc_{number}", asked_at, asked_at + timedelta(seconds=life), rule, **more)


def test_the_one_request_that_fits_gets_the_code() -> None:
    decision = decide(message(), [request()])
    assert (decision.verdict, decision.request_id, decision.code) == (Verdict.MATCHED, "cod_1", "482913")


def test_neither_code_nor_text_shows_where_things_are_printed() -> None:
    decision = decide(message(), [request()])
    assert "482913" not in repr(decision) + repr(message()) + repr(find_codes("", "Your code is 482913", RULE))


@pytest.mark.parametrize(
    ("arrival", "waiting", "verdict"),
    [
        (message(unreadable="It has too many parts."), [request()], Verdict.UNREADABLE),
        (message(), [], Verdict.UNSOLICITED),
        (message(sender="news@evil.test"), [request()], Verdict.FOREIGN),
        (message(trusted=False), [request()], Verdict.UNTRUSTED),
        (message("Welcome"), [request()], Verdict.NO_CODE),
        (message("Your code is 482913, or your code is 111222"), [request()], Verdict.AMBIGUOUS),
        (message(), [request(asked=-3)], Verdict.FOREIGN),
        (message(), [request(life=5)], Verdict.LATE),
        (message(), [request(rule=Rule(pattern=r"\d{6}"))], Verdict.FOREIGN),
    ],
)
def test_whatever_is_not_clear_is_not_used(arrival: Arrival, waiting: list[Waiting], verdict: Verdict) -> None:
    decision = decide(arrival, waiting)
    assert (decision.verdict, decision.code) == (verdict, None)
    assert decision.why


def test_a_signed_text_message_needs_no_named_sender() -> None:
    assert decide(message(channel="sms", sender="22395"), [request(rule=Rule())]).verdict is Verdict.MATCHED


def test_a_host_may_stand_for_all_its_addresses_but_not_for_its_neighbours() -> None:
    rule = Rule(senders=frozenset({"@harborline.sim.test"}))
    assert decide(message(), [request(rule=rule)]).verdict is Verdict.MATCHED
    for sender in ("a@mail.harborline.sim.test", "a@evilharborline.sim.test", "harborline.sim.test"):
        assert decide(message(sender=sender), [request(rule=rule)]).verdict is Verdict.FOREIGN


def test_the_same_number_twice_is_one_code() -> None:
    assert decide(message("Your code is 482913. Again, your code is 482913"), [request()]).code == "482913"


def test_an_alias_decides_between_two_that_wait() -> None:
    first, second = (
        request(n, rule=Rule(senders=RULE.senders, alias=f"codes+{n}@lab.test", context=RULE.context)) for n in (1, 2)
    )
    decision = decide(message(recipients=frozenset({"codes+2@lab.test"})), [first, second])
    assert decision.request_id == "cod_2"


def test_a_code_for_another_logins_alias_or_name_is_left_alone_by_a_login_that_has_none() -> None:
    plain = Rule(
        senders=frozenset({SENDER}), context=("your code is",), others=frozenset({"codes+2@lab.test", "rgarcia"})
    )
    for theirs in (message(recipients=frozenset({"codes+2@lab.test"})), message("rgarcia: your code is 482913")):
        assert decide(theirs, [request(rule=plain)]).verdict is Verdict.FOREIGN
    assert decide(message("rgarcias: your code is 482913"), [request(rule=plain)]).verdict is Verdict.MATCHED


def test_a_login_without_a_mark_waits_beside_one_whose_mark_it_knows() -> None:
    alias = Rule(senders=frozenset({SENDER}), alias="codes+2@lab.test")
    assert told_apart(Rule(senders=frozenset({SENDER}), others=frozenset({"codes+2@lab.test"})), alias)
    assert told_apart(alias, Rule(senders=frozenset({SENDER}), others=frozenset({"codes+2@lab.test"})))
    assert not told_apart(Rule(senders=frozenset({SENDER}), others=frozenset({"codes+3@lab.test"})), alias)


def test_a_mail_that_does_not_name_the_alias_is_not_for_it() -> None:
    waiting = [request(rule=Rule(senders=RULE.senders, alias="codes+1@lab.test"))]
    for recipients in (frozenset(), frozenset({"codes@lab.test"})):
        assert decide(message(recipients=recipients), waiting).verdict is Verdict.FOREIGN


def test_two_that_wait_and_look_the_same_are_for_a_person() -> None:
    assert decide(message(), [request(1), request(2)]).verdict is Verdict.AMBIGUOUS


def test_a_printed_name_decides_and_is_not_found_inside_a_longer_one() -> None:
    first, second = (
        request(n, rule=Rule(senders=RULE.senders, context=RULE.context, names=name))
        for n, name in ((1, "saguaro1"), (2, "saguaro12"))
    )
    assert decide(message("SAGUARO12: your code is 482913"), [first, second]).request_id == "cod_2"


def test_the_subject_must_hold_its_words() -> None:
    rule = Rule(senders=RULE.senders, subject="sign-in code")
    assert decide(message(), [request(rule=rule)]).verdict is Verdict.MATCHED
    assert decide(message(subject="Your bill 482913", text=""), [request(rule=rule)]).verdict is Verdict.FOREIGN


# --- sign-ins that are over


def test_the_answer_to_a_sign_in_that_is_over_is_late() -> None:
    decision = decide(message(), [], [request()])
    assert (decision.verdict, decision.request_id) == (Verdict.LATE, "cod_1")


def test_it_is_taken_for_the_one_whose_code_is_still_missing() -> None:
    ended = [request(1, asked=60, outstanding=True), request(2, asked=30)]
    assert decide(message(), [], ended).request_id == "cod_1"


def test_a_missing_code_of_another_account_makes_the_next_one_a_persons_matter() -> None:
    decision = decide(message(), [request(2)], [request(1, asked=60, outstanding=True)])
    assert (decision.verdict, decision.code) == (Verdict.AMBIGUOUS, None)


def test_unless_its_sender_wrote_it_after_this_request_and_long_after_the_other() -> None:
    arrival = message(written_at=NOW - timedelta(seconds=5))
    decision = decide(arrival, [request(2)], [request(1, asked=300, outstanding=True)])
    assert (decision.verdict, decision.request_id) == (Verdict.MATCHED, "cod_2")
    assert decide(arrival, [request(2)], [request(1, asked=60, outstanding=True)]).verdict is Verdict.AMBIGUOUS


def test_one_that_was_written_clearly_before_is_the_late_one() -> None:
    arrival = message(written_at=NOW - timedelta(seconds=58))
    decision = decide(arrival, [request(2)], [request(1, asked=60, outstanding=True)])
    assert (decision.verdict, decision.request_id) == (Verdict.LATE, "cod_1")


def test_a_missing_code_of_the_same_account_is_not_taken_for_the_new_one() -> None:
    older = Waiting("cod_0", "acc_1", NOW - timedelta(seconds=60), NOW, RULE, outstanding=True)
    decision = decide(message(), [request(1)], [older])
    assert (decision.verdict, decision.request_id, decision.code) == (Verdict.AMBIGUOUS, "cod_1", None)


@pytest.mark.parametrize("life", [600, 1800])
def test_a_date_long_before_the_request_is_that_of_an_older_code(life: float) -> None:
    old = message(written_at=NOW - timedelta(hours=24))
    assert decide(old, [request(life=life)]).verdict is Verdict.LATE
    assert decide(old, [request(life=life)], [request(2, asked=60)]).request_id is None, "nor of that one"


def test_a_carriers_clock_may_be_some_minutes_slow() -> None:
    assert decide(message(written_at=NOW - timedelta(minutes=5)), [request(asked=10)]).verdict is Verdict.MATCHED
    assert decide(message(written_at=NOW - timedelta(minutes=6)), [request(asked=10)]).verdict is Verdict.LATE


def test_a_text_message_that_a_telephone_held_back_for_an_hour_is_late() -> None:
    for minutes, verdict in ((60, Verdict.LATE), (0, Verdict.MATCHED)):
        kept = message(channel="sms", sender="22395", existed_at=NOW - timedelta(minutes=minutes))
        assert decide(kept, [request(rule=Rule())]).verdict is verdict


def test_a_date_ahead_of_our_clock_does_not_prove_that_a_code_is_new() -> None:
    ahead = message(written_at=NOW + timedelta(minutes=10))
    ended = [request(1, asked=300, outstanding=True)]
    assert decide(ahead, [request(2)], ended).verdict is Verdict.AMBIGUOUS
    assert decide(ahead, [request(2)]).verdict is Verdict.MATCHED


OWN = Rule(senders=RULE.senders, context=RULE.context, addresses=frozenset({"codes@lab.test"}))


@pytest.mark.parametrize(
    ("addressed", "verdict"),
    [
        ({"codes@lab.test"}, Verdict.MATCHED),
        ({"codes+portal@lab.test"}, Verdict.MATCHED),
        ({"victim@elsewhere.test", "codes@lab.test"}, Verdict.MATCHED),
        (set(), Verdict.MATCHED),
        ({"victim@elsewhere.test"}, Verdict.AMBIGUOUS),
    ],
)
def test_a_mail_written_to_somebody_else_is_not_used_by_itself(addressed: set[str], verdict: Verdict) -> None:
    """A genuine one can be sent on, signature and all, to a mailbox that it was not written to."""
    sent_on = message(addressed=frozenset(addressed), recipients=frozenset({*addressed, "codes@lab.test"}))
    decision = decide(sent_on, [request(rule=OWN)])
    assert (decision.verdict, decision.code is not None) == (verdict, verdict is Verdict.MATCHED)


ALIAS = "codes+harborline-1@lab.test"


@pytest.mark.parametrize(
    ("addressed", "verdict"),
    [
        ({ALIAS}, Verdict.MATCHED),
        ({"codes@lab.test"}, Verdict.MATCHED),
        ({"attacker@elsewhere.test", ALIAS}, Verdict.MATCHED),
        (set(), Verdict.MATCHED),
        ({"attacker@elsewhere.test"}, Verdict.AMBIGUOUS),
        ({"codes+harborline-2@lab.test"}, Verdict.AMBIGUOUS),
    ],
)
@pytest.mark.parametrize("known", [frozenset({"codes@lab.test"}), frozenset()])
def test_a_mail_to_somebody_else_that_is_sent_on_to_our_alias_is_not_used_by_itself(
    addressed: set[str], verdict: Verdict, known: frozenset[str]
) -> None:
    if addressed == {"codes@lab.test"} and not known:
        verdict = Verdict.AMBIGUOUS  # nobody said that this is the mailbox's own address
    rule = Rule(senders=RULE.senders, context=RULE.context, alias=ALIAS, addresses=known)
    sent_on = message(addressed=frozenset(addressed), recipients=frozenset({*addressed, ALIAS}))
    decision = decide(sent_on, [request(rule=rule)])
    assert (decision.verdict, decision.code is not None) == (verdict, verdict is Verdict.MATCHED)


@pytest.mark.parametrize(("asked", "came"), [("sms", "voice"), ("voice", "sms")])
def test_a_call_does_not_answer_what_was_asked_for_as_a_text_nor_the_other_way_round(asked: str, came: str) -> None:
    waits = request(rule=Rule(context=("your code is",)), channel=asked)
    other = decide(message(channel=came, sender="+16025550199"), [waits])
    assert (other.verdict, other.code) == (Verdict.FOREIGN, None)
    assert decide(message(channel=asked, sender="+16025550199"), [waits]).verdict is Verdict.MATCHED


def test_a_call_is_not_the_missing_text_of_an_ended_sign_in() -> None:
    ended = request(1, asked=300, outstanding=True, rule=Rule(), channel="sms")
    waits = request(2, rule=Rule(), channel="voice")
    assert decide(message(channel="voice", sender="+16025550199"), [waits], [ended]).verdict is Verdict.MATCHED


@pytest.mark.parametrize(
    ("held", "doubted", "came", "sent", "kept"),
    [
        (None, False, 1, 1, Kept.HELD),
        (None, False, 1, 0, Kept.HELD),
        (None, False, 2, 2, Kept.HELD),
        ("a", False, 1, 1, Kept.DUPLICATE),
        ("b", False, 2, 1, Kept.DOUBTED),
        ("b", False, 2, 2, Kept.DOUBTED),
        (None, False, 2, 1, Kept.DOUBTED),
        (None, True, 1, 1, Kept.DOUBTED),
    ],
)
def test_a_code_is_kept_when_it_is_the_only_one_of_its_asking(
    held: str | None, doubted: bool, came: int, sent: int, kept: Kept
) -> None:
    assert keep("a", held, doubted=doubted, came=came, sent=sent) is kept


def test_a_missing_code_that_would_look_different_does_not_matter() -> None:
    other = Rule(senders=frozenset({"otp@northgate.sim.test"}))
    assert decide(message(), [request(2)], [request(1, rule=other, outstanding=True)]).verdict is Verdict.MATCHED


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (Rule(), Rule(), False),
        (RULE, RULE, False),
        (Rule(alias="a@x"), Rule(alias="b@x"), True),
        (Rule(alias="a@x"), Rule(), False),
        (Rule(names="saguaro1"), Rule(names="saguaro12"), True),
        (Rule(names="saguaro"), Rule(names="saguaro dental"), False),
        (Rule(senders=frozenset({"a@x.test"})), Rule(senders=frozenset({"b@x.test"})), True),
        (Rule(senders=frozenset({"a@x.test"})), Rule(senders=frozenset({"@x.test"})), False),
        (Rule(senders=frozenset({"a@x.test"})), Rule(senders=frozenset({"@y.test"})), True),
    ],
)
def test_two_sign_ins_wait_side_by_side_only_when_no_message_fits_both(one: Rule, other: Rule, apart: bool) -> None:
    assert told_apart(one, other) is told_apart(other, one) is apart


# --- the code in the text


@pytest.mark.parametrize(
    ("text", "rule", "codes"),
    [
        ("Claim 123456 of 2026. Your code is 482913.", RULE, ["482913"]),
        ("482913 is your code", Rule(after=("is your",)), ["482913"]),
        ("Order 111222." + " " * 120 + "Use 482913", Rule(context=("use",), after=("is your",)), ["482913"]),
        ("G-482913 is your verification code", Rule(prefix="G-", after=("verification",)), ["482913"]),
        ("Code: 482-913", Rule(pattern=r"\d{3}-\d{3}", strip="-"), ["482913"]),
        ("Code: ABX4Q2", Rule(pattern="[A-Z0-9]{6}", context=("code:",)), ["ABX4Q2"]),
        ("Code 4829", Rule(pattern=r"\d{4,8}"), ["4829"]),
        ("Code 48291377", Rule(pattern=r"\d{4,8}"), ["48291377"]),
        ("Code 482913776", Rule(pattern=r"\d{4,8}"), []),
        ("Paid $482913", Rule(), []),
        ("Ticket #482913", Rule(), []),
        ("Total 1,482913 or 482913.50", Rule(), []),
        ("On 11/482913", Rule(), []),
        ("Call +482913", Rule(), []),
        ("id-482913", Rule(), []),
        ("482913-A", Rule(), []),
        ("x482913", Rule(), []),
        ("Code ٤٨٢٩١٣", Rule(), []),
        ("Your code is: 482913.", Rule(), ["482913"]),
        ("(482913)", Rule(), ["482913"]),
        ("482913", Rule(pattern="(a+)+$"), []),
    ],
)
def test_a_code_is_found_by_form_and_words_around_it(text: str, rule: Rule, codes: list[str]) -> None:
    assert [found.code for found in find_codes("", text, rule)] == codes


def test_where_it_stands_is_told_for_the_page_that_marks_it() -> None:
    (found,) = find_codes("Hello", "Your code is 482913.", RULE)
    assert "Hello\nYour code is 482913."[found.start : found.end] == "482913"


@pytest.mark.parametrize("pattern", [r"\d{6}", r"\d{4,8}", "[A-Z0-9]{6}", r"[A-Z]{2}\d{4}", r"\d{3}-\d{3}", "A1"])
def test_a_code_pattern_may_say_this(pattern: str) -> None:
    assert pattern_is_safe(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "(a+)+",
        ".*",
        r"\d+",
        r"(\d{2}){3}",
        "a|b",
        "[",
        r"\d{6}$",
        r"\w{6}",
        "x" * 300,
        "[^0]{6}",
        r"(?=\d)",
        "[z-a]",
        r"\d{9,2}",
    ],
)
def test_and_nothing_that_could_run_for_ever(pattern: str) -> None:
    assert not pattern_is_safe(pattern)


@given(st.text(max_size=40))
def test_a_pattern_that_passes_compiles_and_is_quick_on_long_texts(pattern: str) -> None:
    if not pattern_is_safe(pattern):
        return
    rule = Rule(pattern=pattern)
    find_codes("", "1" * 5000 + " a" * 5000, rule)
    re.compile(pattern)


SAFE = st.lists(
    st.tuples(
        st.sampled_from([r"\d", "[A-Z]", "[A-Z0-9]", "a", "7"]),
        st.sampled_from(["", "{6}", "{1,9}", "{0,99}"]),
    ),
    min_size=1,
    max_size=8,
).map(lambda parts: "".join(form + count for form, count in parts))


@given(SAFE)
def test_the_worst_safe_pattern_ends(pattern: str) -> None:
    assert pattern_is_safe(pattern)
    began = time.process_time()
    find_codes("", ("A7" * 30 + " ") * 60, Rule(pattern=pattern))
    assert time.process_time() - began < 20  # catastrophic backtracking would take years


@pytest.mark.parametrize(
    ("code", "rule", "good"),
    [
        ("482913", Rule(), True),
        ("48291", Rule(), False),
        ("٤٨٢٩١٣", Rule(), False),
        ("482913", Rule(pattern=r"\d{3}-\d{3}", strip="-"), True),
        ("482-913", Rule(pattern=r"\d{3}-\d{3}", strip="-"), True),
        ("AB-12", Rule(pattern="[A-Z]{2}-[0-9]{2}", strip="-"), True),
        ("482913", Rule(pattern="(a+)+"), False),
    ],
)
def test_what_a_person_types_must_have_the_form(code: str, rule: Rule, good: bool) -> None:
    assert matching.well_formed(code, rule) is good


NUMBERS = st.integers(0, 999_999).map(lambda number: f"{number:06d}")


@given(
    st.lists(st.sampled_from(["Your code is {}", "Order {}", "{} points", "Your code is {}!"]), max_size=6), st.data()
)
def test_a_match_always_names_the_only_code_in_context(parts: list[str], data: st.DataObject) -> None:
    told = [(part, data.draw(NUMBERS)) for part in parts]
    text = ". ".join(part.format(number) for part, number in told)
    decision = decide(message(text + "." + " " * 130), [request()])
    if decision.verdict is Verdict.MATCHED:
        assert decision.code in {number for _, number in told}
        assert decision.code in {number for part, number in told if part.startswith("Your")} or "Your" in text
