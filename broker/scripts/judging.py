"""Did a run work, and what does a release's record of runs call for? Pure decisions over outcomes and counts."""

from collections.abc import Sequence
from dataclasses import dataclass

WORKED, FAILED, NEITHER = "worked", "failed", "neither"
NOT_THE_SCRIPTS_DOING = frozenset({"down", "no_code", "code_late", "refused", "wrong_code"})
SURELY_THE_SCRIPTS_DOING = frozenset({"unrecognised", "script_failed", "wrong_practice"})
GOOD_ENDS = frozenset({"signed_in", "answered"})

CANARY_NEEDS, STAGED_NEEDS = 3, 5
"""Runs that must have worked before a release goes further."""
FIRST_SHARE = 25
"""Per cent of the accounts in the first stage after the canary."""
TOLERATED_DROP = 0.2
"""How much lower than its predecessor's the success rate may be."""
BASELINE_RUNS = 50


@dataclass(frozen=True)
class Tally:
    """How many runs worked and failed."""

    worked: int
    failed: int

    @property
    def rate(self) -> float:
        """Between 0 and 1; 1 when there was none."""
        judged = self.worked + self.failed
        return self.worked / judged if judged else 1.0


def verdict(verb: str, outcome: str, *, on_trial: bool) -> str:
    """Worked, failed or neither. On trial, what a wrong script could mistake a page for (a wrong password) counts too."""
    good = GOOD_ENDS | ({"signed_out"} if verb in ("log_out", "look") else set())
    if outcome in good:
        return WORKED
    if outcome in SURELY_THE_SCRIPTS_DOING:
        return FAILED
    if outcome in NOT_THE_SCRIPTS_DOING or not on_trial or verb == "keep_alive":
        return NEITHER
    return FAILED


def tally(verdicts: Sequence[str]) -> Tally:
    """Count them."""
    return Tally(verdicts.count(WORKED), verdicts.count(FAILED))


def next_step(stage: str, trial: Tally, baseline: Tally) -> str:
    """`back`, `on` or `wait` for a release in this stage."""
    if trial.failed and (trial.worked == 0 or trial.rate < baseline.rate - TOLERATED_DROP):
        return "back"
    if trial.worked >= (CANARY_NEEDS if stage == "canary" else STAGED_NEEDS):
        return "on"
    return "wait"


def share_of(account_id: str) -> int:
    """An account's fixed place from 0 to 99: who is in the first quarter stays in it."""
    import hashlib

    return int.from_bytes(hashlib.sha256(account_id.encode()).digest()[:4]) % 100
