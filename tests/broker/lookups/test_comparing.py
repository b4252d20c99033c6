"""Compared with the last answer: of another day too, what could not be placed too, and rows that look alike apart."""

from broker.lookups import comparing, showing
from broker.lookups.schema import parse
from tests.broker.lookups import results
from tests.broker.lookups.conftest import Office

BOTH_DATABASES = True


def document() -> dict:
    return parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)


def test_a_row_that_moves_is_no_change_and_an_amount_is() -> None:
    before, now = document(), document()
    now["accumulators"].insert(0, {"kind": "deductible", "limit": "50"})
    now["accumulators"][1]["used"] = "500"
    changes = {one.pointer: (one.before, one.now) for one in comparing.changes(before, now)}
    assert {now for _, now in changes.values()} == {"deductible", "50", "500"}
    assert [found for pointer, found in changes.items() if pointer.endswith("/used")] == [("475", "500")]


def test_two_cleanings_in_the_history_are_two() -> None:
    before, now = document(), document()
    before["history"] = [{"code": "D1110", "service_date": "2026-01-10"}]
    now["history"] = [{"code": "D1110", "service_date": "2026-07-10"}, {"code": "D1110", "service_date": "2026-01-10"}]
    changes = comparing.changes(before, now)
    assert {(one.before, one.now) for one in changes} == {(None, "D1110"), (None, "2026-07-10")}


def test_what_could_not_be_placed_is_compared_too() -> None:
    before, now = document(), document()
    before["unmapped"] = [{"why": "unplaced", "label": "Spend-down", "text": "$0.00"}]
    now["unmapped"] = [{"why": "unplaced", "label": "Spend-down", "text": "$125.00"}]
    (change,) = comparing.changes(before, now)
    assert (change.before, change.now) == ("$0.00", "$125.00")


def test_the_answer_of_another_day_is_the_last_one_and_another_patients_is_not(office: Office, clock) -> None:
    first = office.ask(service_date=clock.now().date().isoformat())
    office.sign_in()
    lease = office.turn()
    office.answer(office.next(lease))
    clock.advance(seconds=60)
    second = office.ask()
    office.answer(office.next(lease))
    with office.portunus.reading(office.actor) as work:
        row = office.row(second)
        before = showing.previous(work, office.portunus.vault, row)
        assert before is not None
        assert before["lookup_id"] == first.id
        assert showing.previous(work, office.portunus.vault, office.row(first)) is None


def test_the_same_paper_fetched_again_is_no_change() -> None:
    claim = parse("claim_status", results.claim()).model_dump(mode="json", exclude_none=True)
    before, now = ({**claim, "claims": [claim["claims"][0] | {"eob_artifact_id": kept}]} for kept in ("art_1", "art_2"))
    assert comparing.changes(before, now) == []
