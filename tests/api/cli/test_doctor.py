"""`portunus doctor` says what to do, never to look at itself."""

import json

from broker.base.errors import Unavailable


def test_a_browser_host_that_is_away_is_told_what_to_do(shell, portunus, monkeypatch):
    from api.cli import doctor

    def away():
        raise Unavailable("The browser host does not answer: see portunus doctor.")

    monkeypatch.setattr(portunus.host, "status", away)
    monkeypatch.setattr(doctor, "CHECKS", {"browser host": doctor.CHECKS["browser host"]})
    said = shell("doctor", "--json")
    (finding,) = json.loads(said.out)
    assert (said.code, finding["ok"]) == (1, False)
    assert finding["words"] == "does not answer: is portunus up running?"
