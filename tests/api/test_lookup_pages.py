"""The lookup pages: ask, see the value with its evidence, work the exceptions."""

import pytest

from api import lookup_rows
from api.lookup_rows import label_of
from tests.api.lookup_office import QUESTION


def test_maria_asks_and_sees_the_value_with_its_evidence(maria, lookup_office) -> None:
    sent = maria.post("/lookups", {k: v for k, v in QUESTION.items()})
    page = sent.headers["location"]
    assert "Queued" in maria.get(page).text
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    shown = maria.get(page).text
    assert "1025" in shown
    assert "Ada Dunmore" in shown
    evidence = maria.get(f"{page}/evidence", params={"pointer": "/accumulators/0/remaining"}).text
    assert "$1,025.00" in evidence
    assert maria.get(f"{page}/evidence", params={"pointer": "/coverage/nothing"}).status_code == 404


def test_the_grid_shows_exceptions_first_and_no_patient(maria, lookup_office) -> None:
    maria.post("/lookups", QUESTION)
    maria.post("/lookups", QUESTION | {"member_id": "HD100042799"})
    lookup_office.sign_in()
    lease = lookup_office.turn()
    lookup_office.answer(lookup_office.next(lease))
    lookup_office.fail(lookup_office.next(lease), "patient_not_found")
    grid = maria.get("/lookups/grid").text
    assert grid.index("…2799") < grid.index("…2731")
    assert "HD1000" not in grid
    assert "Ada" not in grid


def test_a_wrong_question_comes_back_in_words(maria) -> None:
    answer = maria.post("/lookups", QUESTION | {"birth_date": "2084-01-01"})
    assert answer.status_code == 422
    assert "birth_date lies in the future." in answer.text


def test_what_was_typed_comes_back_with_what_was_wrong(maria) -> None:
    claim = {
        "kind": "claim_status", "portal": "harborline", "location": "phoenix", "member_id": "HD100042731", "claim_number": "",
        "service_from": "2026-10-02", "service_to": "2026-10-01", "payer": "Ironwood", "with_eob": "yes", "with_era": "yes",
    }  # fmt: skip
    answer = maria.post("/lookups", claim)
    assert answer.status_code == 422
    form = answer.text.split('aria-labelledby="ask-claim"')[1].split("</form>")[0]
    for kept in ("HD100042731", "2026-10-02", "2026-10-01", "Ironwood"):
        assert f'value="{kept}"' in form
    assert form.count("checked") == 2
    assert "HD100042731" not in answer.text.split('aria-labelledby="ask-eligibility"')[1].split("</form>")[0]
    day = maria.post("/lookups", QUESTION | {"service_date": "2035-01-01"}).text
    assert 'value="2035-01-01"' in day.split('aria-labelledby="ask-eligibility"')[1].split("</form>")[0]


def test_papers_of_a_claim_are_asked_for(maria, portunus) -> None:
    asked = {
        "kind": "claim_status",
        "portal": "harborline",
        "location": "phoenix",
        "claim_number": "HC1",
        "with_era": "yes",
    }
    page = maria.post("/lookups", asked | {"claim_number": "HC100017"}).headers["location"]
    question = maria.get(f"/api/v1{page}").json()["question"]
    assert (question["with_era"], "with_eob" in question) == (True, False)


def ask_many(maria, number: int) -> list[str]:
    return [
        maria.post("/lookups", QUESTION | {"member_id": f"HD1000{n:05}"}).headers["location"].rpartition("/")[2]
        for n in range(number)
    ]


def test_the_list_goes_on_where_the_page_ends(maria) -> None:
    ids = ask_many(maria, 53)
    first = maria.get("/lookups").text
    following = first.split("before=")[2].split('"')[0]
    second = maria.get("/lookups", params={"before": following}).text
    on_first = [one for one in ids if f'"/lookups/{one}"' in first]
    on_second = [one for one in ids if f'"/lookups/{one}"' in second]
    assert (len(on_first), len(on_second)) == (50, 3)
    assert sorted(on_first + on_second) == sorted(ids)
    assert "Older" not in second


def test_a_failure_that_is_put_away_leaves_the_top(maria, lookup_office) -> None:
    failed, other = ask_many(maria, 2)
    lookup_office.sign_in()
    lookup_office.fail(lookup_office.next(lookup_office.turn()), "patient_not_found")
    assert failed in maria.get("/lookups/grid", params={"show": "exceptions"}).text
    assert maria.post(f"/lookups/{failed}/away").headers["location"] == "/lookups"
    assert failed not in maria.get("/lookups/grid", params={"show": "exceptions"}).text
    whole = maria.get("/lookups/grid").text
    assert whole.index(other) < whole.index(failed)
    assert "Put away." in whole
    assert maria.post(f"/lookups/{other}/away").status_code == 409


def test_a_failure_that_is_asked_anew_is_put_away(maria, lookup_office) -> None:
    (failed,) = ask_many(maria, 1)
    lookup_office.sign_in()
    lookup_office.fail(lookup_office.next(lookup_office.turn()), "patient_not_found")
    again = maria.post(f"/lookups/{failed}/anew").headers["location"].rpartition("/")[2]
    assert again != failed
    assert failed not in maria.get("/lookups/grid", params={"show": "exceptions"}).text


def test_times_are_the_locations_own(maria) -> None:
    (asked,) = ask_many(maria, 1)
    assert " MST" in maria.get("/lookups/grid").text
    shown = maria.get(f"/lookups/{asked}").text
    assert " MST" in shown
    assert " UTC" not in shown


def test_a_list_that_does_not_exist_is_not_found(maria) -> None:
    assert maria.get("/lookups", params={"show": "everything"}).status_code == 404


def test_an_answer_from_before_will_do_when_it_is_young_enough(maria, portunus, lookup_office) -> None:
    form = maria.get("/lookups").text.split('aria-labelledby="ask-eligibility"')[1].split("</form>")[0]
    assert '<label for="e-age">An answer not older than</label>' in form
    maria.post("/lookups", QUESTION | {"max_age_s": ""})
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    portunus.clock.advance(minutes=10)
    asked = [maria.post("/lookups", QUESTION | {"max_age_s": age}).headers["location"] for age in ("", "3600")]
    states = [maria.get(f"/api/v1{one}").json()["state"] for one in asked]
    assert states[1] == "done" != states[0]
    assert lookup_rows.max_age("14400") == 14_400


def test_the_age_that_was_chosen_comes_back_and_one_that_is_not_offered_is_refused(maria) -> None:
    wrong = maria.post("/lookups", QUESTION | {"max_age_s": "86400", "birth_date": "2084-01-01"})
    form = wrong.text.split('aria-labelledby="ask-eligibility"')[1].split("</form>")[0]
    assert '<option value="86400" selected>a day</option>' in form
    refused = maria.post("/lookups", QUESTION | {"max_age_s": "-5"})
    assert refused.status_code == 422
    assert "Choose how old an answer may be" in refused.text


@pytest.mark.parametrize(
    ("pointer", "words"),
    [
        ("/accumulators/0/remaining", "annual maximum individual · remaining"),
        ("/benefits/0/plan_pays_percent", "Cleaning · plan pays percent"),
        ("/claims/1/lines/0/paid", "claim HL-2 · lines 1 · paid"),
        ("/coverage/status", "coverage · status"),
        ("/claims/7/paid", "claims · 7 · paid"),
    ],
)
def test_a_value_is_called_what_a_biller_calls_it(pointer: str, words: str) -> None:
    result = {
        "accumulators": [{"kind": "annual_maximum", "level": "individual", "remaining": "1"}],
        "benefits": [{"category": "preventive", "label": "Cleaning", "plan_pays_percent": "100"}],
        "claims": [{"payer_claim_number": "HL-1"}, {"payer_claim_number": "HL-2", "lines": [{"paid": "1"}]}],
        "coverage": {"status": "active"},
    }
    assert label_of(pointer, result) == words
