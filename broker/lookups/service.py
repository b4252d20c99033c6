"""What can be done with lookups, in one place to import; each verb lives in the file that its subject names."""

from broker.lookups.ask import PRIORITIES, Ask, parsed
from broker.lookups.failures import FAILURES, LookupFailure, failure
from broker.lookups.running import (
    Answered,
    Job,
    Picture,
    Unanswered,
    Wait,
    answer,
    fail,
    give_back,
    next_job,
    signed_out,
)
from broker.lookups.showing import Shown, artifact, listed, previous, progress, released, result_of, shown
from broker.lookups.submitting import again, cancel, own, submit
from broker.lookups.turns import HOLDER, is_ours, sweep, take_turn

__all__ = [
    "FAILURES",
    "HOLDER",
    "PRIORITIES",
    "Answered",
    "Ask",
    "Job",
    "LookupFailure",
    "Picture",
    "Shown",
    "Unanswered",
    "Wait",
    "again",
    "answer",
    "artifact",
    "cancel",
    "fail",
    "failure",
    "give_back",
    "is_ours",
    "listed",
    "next_job",
    "own",
    "parsed",
    "previous",
    "progress",
    "released",
    "result_of",
    "shown",
    "signed_out",
    "submit",
    "sweep",
    "take_turn",
]
