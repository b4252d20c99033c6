"""Did a run work, and what does a release's record of runs call for? Pure decisions over outcomes and counts."""

from collections.abc import Sequence
from dataclasses import dataclass

WORKED, FAILED, NEITHER = "worked", "failed", "neither"
NOT_THE_SCRIPTS_DOING = frozenset({"down", "no_code", "code_late", "refused", "wrong_code", "captcha"})
SURELY_THE_SCRIPTS_DOING = frozenset(
    {"unrecognised", "script_failed", "wrong_practice", "led_away", "bad_answer", "write_blocked", "script_error"}
)
"""`led_away`: the page led to a host that the script does not name. The last three: what the host made of a lookup's answer."""
GOOD_ENDS = frozenset({"signed_in", "answered"})
GOOD_ENDS_OF = {"log_out": frozenset({"signed_out"}), "look": GOOD_ENDS | {"signed_out"}}

CANARY_NEEDS, STAGED_NEEDS = 3, 5
"""Sessions that must have been signed in before a release goes further."""
FIRST_SHARE = 25
"""Per cent of the accounts in the first stage after the canary."""
TOLERATED_DROP = 0.2
"""How much lower than its predecessor's the success rate may be."""
LEAST_RATE, LEAST_RATE_FROM = 0.7, 5
"""No release goes on below this rate, whatever its predecessor's was; after so many judged runs it goes back."""
OTHERS_NEED = 3
"""So many failed lookups or log-outs, at a rate lower than the predecessor's, take a release back too."""
BASELINE_RUNS = 50
SAY_NOTHING = 3
"""So many sign-ins in a row that are neither hold a release on trial: a version that always says "down" is seen here."""


@dataclass(frozen=True)
class Tally:
    """How many runs worked and failed."""

    worked: int
    failed: int

    @property
    def judged(self) -> int:
        """Both."""
        return self.worked + self.failed

    @property
    def rate(self) -> float:
        """Between 0 and 1; 1 when there was none."""
        return self.worked / self.judged if self.judged else 1.0


NONE = Tally(0, 0)


def verdict(verb: str, outcome: str, *, on_trial: bool, worked_before: bool = True) -> str:
    """Worked, failed or neither.

    On trial, what a wrong script could mistake a page for (a wrong password) counts too, at a login that worked with the
    version before (`worked_before`): there it is the version that is new.
    """
    if outcome in GOOD_ENDS_OF.get(verb, GOOD_ENDS):
        return WORKED
    if outcome in SURELY_THE_SCRIPTS_DOING or (verb == "log_out" and outcome == "signed_in"):
        return FAILED
    if outcome in NOT_THE_SCRIPTS_DOING or verb != "sign_in" or not (on_trial and worked_before):
        return NEITHER
    return FAILED


def tally(verdicts: Sequence[str]) -> Tally:
    """Count them."""
    return Tally(verdicts.count(WORKED), verdicts.count(FAILED))


def of_sessions(runs: Sequence[tuple[str, str]]) -> Tally:
    """Count (session, verdict) once per session: one that failed anywhere has failed."""
    worked = {session for session, said in runs if said == WORKED}
    failed = {session for session, said in runs if said == FAILED}
    return Tally(len(worked - failed), len(failed))


def next_step(stage: str, trial: Tally, baseline: Tally, others: Tally = NONE, others_before: Tally = NONE) -> str:
    """`back`, `on` or `wait` for a release in this stage: by its sign-ins; `others` (lookups, log-outs) only take it back."""
    if trial.failed and (trial.worked == 0 or trial.rate < baseline.rate - TOLERATED_DROP):
        return "back"
    if trial.rate < LEAST_RATE and trial.judged >= LEAST_RATE_FROM:
        return "back"
    if others.failed >= OTHERS_NEED and others.rate < others_before.rate - TOLERATED_DROP:
        return "back"
    if trial.rate >= LEAST_RATE and trial.worked >= (CANARY_NEEDS if stage == "canary" else STAGED_NEEDS):
        return "on"
    return "wait"


def says_nothing(newest_first: Sequence[str]) -> bool:
    """Whether the last sign-ins of a stage said neither yes nor no."""
    return list(newest_first[:SAY_NOTHING]) == [NEITHER] * SAY_NOTHING


def share_of(account_id: str) -> int:
    """An account's fixed place from 0 to 99: who is in the first quarter stays in it."""
    import hashlib

    return int.from_bytes(hashlib.sha256(account_id.encode()).digest()[:4]) % 100
