"""The status page and its twins: what is ill is named first, in words that say what to do; other practices stay unseen."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from api.cli import doctor
from api.cli import status as command
from broker.base.actor import Actor, ActorKind, system
from broker.base.beats import Beat, beat, beats
from broker.base.errors import Unavailable
from broker.codes import service as codes
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint
from broker.tabs import service as tabs
from broker.tabs.service import Ending
from tests import factories
from tests.conftest import acting
from workers import monitor, sweep, witness

SYSTEM, HOST = system("test"), system("browserhost")


@pytest.fixture
def practice(portunus, signed_in):
    """Ana the administrator's browser; Maria; Harborline in Phoenix."""
    with portunus.unit(SYSTEM) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        factories.endpoint(work, org, name="Code mailbox", health="ok")
        account = factories.account(work, factories.portal(work), [phoenix])
        ana = factories.user(work, org, "Ana Petrova", role="admin")
        maria = factories.user(work, org)
    return signed_in(ana), maria, account, phoenix


def status(browser) -> dict:
    return browser.get("/api/v1/status").json()


def part(browser, name) -> dict:
    return next(one for one in status(browser)["parts"] if one["name"] == name)


def test_a_worker_that_falls_silent_is_named_with_what_to_do(practice, portunus, clock):
    ana, *_ = practice
    assert part(ana, "Worker")["state"] == "unknown"
    sweep.run(portunus)
    witness.run(portunus)
    assert (part(ana, "Worker")["state"], part(ana, "Audit witness")["state"]) == ("ok", "ok")
    clock.advance(seconds=31)
    silent = part(ana, "Worker")
    assert silent["state"] == "silent"
    assert "portunus up" in silent["words"]
    assert "Sign-ins do not start" in ana.get("/status").text.split("Parts of Portunus")[0]


def test_a_browser_host_that_is_away_is_down_in_its_own_words(practice, portunus, monkeypatch):
    def away():
        raise Unavailable("The browser host does not answer. Start it: portunus up.")

    monkeypatch.setattr(portunus.host, "status", away)
    assert part(practice[0], "Browser host") | {"at": None} == {
        "name": "Browser host",
        "state": "down",
        "words": "The browser host does not answer. Start it: portunus up.",
        "at": None,
    }


@pytest.mark.parametrize(("health", "to_do"), [("up", False), ("unknown", False), ("down", True), ("gone", True)])
def test_a_mailbox_is_to_do_when_it_is_ill_only(practice, portunus, health, to_do):
    with portunus.unit(HOST) as work:
        row = work.db.scalars(select(DeliveryEndpoint)).one()
        row.health, row.health_words = health, "The server does not answer."
    before_parts = practice[0].get("/status").text.split("Parts of Portunus")[0]
    assert ("The server does not answer." in before_parts) is to_do


def test_a_stopped_login_is_to_do_and_leads_to_the_account(practice, portunus):
    ana, _, account, _ = practice
    assert account.id not in ana.get("/status").text
    with portunus.unit(HOST) as work:
        directory.park_account(work, directory.account_by_id(work, account.id), "locked", "The portal locked it.")
    assert f'href="/accounts#{account.id}"' in ana.get("/status").text
    assert [row["words"] for row in status(ana)["accounts_stopped"]] == ["The portal locked it."]


def test_failed_sign_ins_of_the_day_are_counted_by_portal_with_the_last_words(practice, portunus, clock):
    ana, maria, account, phoenix = practice
    with portunus.unit(acting(maria)) as work:
        tabs.open_tab(work, account.id, phoenix.id, "Claims")
    attempt_id = portunus.queue.sent[-1][1]
    with portunus.unit(HOST) as work:
        claim = tabs.claim_attempt(work, attempt_id, "node1", "d" * 64)
    with portunus.unit(HOST) as work:
        ending = Ending("down", signed_in=False, words="The portal is down for maintenance.", next_actor="wait")
        tabs.finish(work, attempt_id, claim.fence, ending)
    (line,) = status(ana)["portals"]
    assert (line["signed_in"], line["failed"], line["words"]) == (0, 1, "The portal is down for maintenance.")


def test_an_alarm_about_the_audit_log_is_the_first_thing_to_do(practice, portunus, monkeypatch, capsys):
    ana, *_ = practice
    witness.run(portunus)
    monitor.run(portunus)
    assert (part(ana, "Audit log")["state"], part(ana, "Audit monitor")["state"]) == ("ok", "ok")
    with portunus.unit(system("attacker")) as work:
        work.db.execute(text("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 1"))
    monitor.run(portunus)
    assert part(ana, "Audit log")["state"] == "alarm"
    to_do = ana.get("/status").text.split("Parts of Portunus")[0]
    assert "entry 1: the column actor_id was changed." in to_do
    monkeypatch.setattr(doctor, "build", lambda chosen: portunus)
    found = doctor.CHECKS["audit log"](portunus.settings)
    assert not found.ok
    assert "entry 1" in found.words


def test_a_monitor_that_is_silent_is_named(practice, portunus):
    ana, *_ = practice
    monitor.run(portunus)
    with portunus.unit(SYSTEM) as work:
        work.db.get_one(Beat, "monitor").at -= timedelta(minutes=66)
    assert part(ana, "Audit monitor")["state"] == "silent"


def test_a_sink_beside_the_database_is_said_to_be_there(practice, portunus):
    witness.run(portunus)
    assert "lies beside the database" in part(practice[0], "Audit witness")["words"]


def test_a_witness_elsewhere_that_does_not_answer_is_silent(practice, portunus, clock):
    ana, *_ = practice
    assert "Witness elsewhere" not in [one["name"] for one in status(ana)["parts"]]
    portunus.settings = portunus.settings.model_copy(update={"witness_url": "http://127.0.0.1:9", "witness_key": "k"})
    portunus.__dict__.pop("cosigner", None)
    with portunus.unit(SYSTEM) as work:
        beat(work, "cosigner")
    clock.advance(minutes=5)
    with pytest.raises(Unavailable):
        witness.run(portunus)
    assert part(ana, "Audit witness")["state"] == "ok"
    assert part(ana, "Witness elsewhere")["state"] == "silent"


def test_another_practice_sees_nothing_of_it(practice, portunus, signed_in):
    with portunus.unit(SYSTEM) as work:
        other = factories.organization(work, "Other Group")
        zoe = factories.user(work, other, "Zoe Other", role="admin")
    seen = status(signed_in(zoe))
    assert (seen["portals"], seen["endpoints"], seen["accounts_stopped"]) == ([], [], [])


@pytest.mark.parametrize("role", ["biller", "front_desk"])
def test_status_is_not_for_everybody(portunus, signed_in, role):
    with portunus.unit(SYSTEM) as work:
        user = factories.user(work, factories.organization(work), role=role)
    assert signed_in(user).get("/status").status_code == 403


def test_command_says_the_same_as_data(practice, portunus, monkeypatch, capsys):
    monkeypatch.setattr(command, "build", lambda: portunus)
    monkeypatch.setattr(command, "operator", lambda: Actor(ActorKind.OPERATOR, "root", "root at the shell"))
    command.status(as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert set(told) == set(status(practice[0]))
    command.status(as_json=False)
    assert "Worker" in capsys.readouterr().out


def test_beats_keep_the_newest_round_of_each_part(portunus, clock):
    for _ in range(2):
        clock.advance(seconds=5)
        with portunus.unit(SYSTEM) as work:
            beat(work, "worker")
    with portunus.reading(SYSTEM) as work:
        assert beats(work) == {"worker": clock.now()}
        assert work.db.scalar(select(func.count()).select_from(Beat)) == 1


def test_a_code_that_nobody_asked_for_is_named_to_do(practice, portunus):
    ana, _, account, _ = practice
    with portunus.unit(SYSTEM) as work:
        box = work.db.scalars(select(DeliveryEndpoint)).one()
        work.db.get_one(type(account), account.id).mfa_methods[0].endpoint_id = box.id
        arrival = factories.arrival(work, box, "Your code is 482913")
        assert codes.receive(work, portunus.vault, box, arrival).verdict == "unsolicited"
    (told,) = status(ana)["codes_unasked"]
    assert (told["login"], "somebody else has the password" in told["words"]) == (account.username, True)
    assert "482913" not in str(told)
    assert "somebody else has the password" in ana.get("/status").text.split("Parts of Portunus")[0]
