"""What can be done with codes, in one place to import; each verb lives in the file that its subject names.

From the moment before the portal is asked until the portal's answer, each step is in the audit log. A code's value is
sealed while it is held and destroyed when it is used or too old; a keyed digest stays.
"""

from broker.codes.arriving import give, quarantine, receive
from broker.codes.asking import expect, expire, not_needed, resend, waiting, withdraw
from broker.codes.calls import RESULTS as CALL_RESULTS
from broker.codes.calls import Calling, begin_call, call_answered, calling, calls_of, end_call
from broker.codes.desk import Given, decline, declined, given
from broker.codes.looking import Pending, deadline, expects, messages, pending, request_of_attempt
from broker.codes.mistyped import mistyped, rejected
from broker.codes.notices import Notice, Unasked, login_senders, notice, recording_of, unasked
from broker.codes.records import OPEN, awaited_senders, name_of
from broker.codes.tasks import ask_person, confirmed
from broker.codes.turns import stand_in_line
from broker.codes.using import Taken, answered, codes_of_recording, shown_in_recording, take, typed
from broker.codes.way_in import refuse_without

__all__ = [
    "CALL_RESULTS",
    "OPEN",
    "Calling",
    "Given",
    "Notice",
    "Pending",
    "Taken",
    "Unasked",
    "answered",
    "ask_person",
    "awaited_senders",
    "begin_call",
    "call_answered",
    "calling",
    "calls_of",
    "codes_of_recording",
    "confirmed",
    "deadline",
    "decline",
    "declined",
    "end_call",
    "expect",
    "expects",
    "expire",
    "give",
    "given",
    "login_senders",
    "messages",
    "mistyped",
    "name_of",
    "not_needed",
    "notice",
    "pending",
    "quarantine",
    "receive",
    "recording_of",
    "refuse_without",
    "rejected",
    "request_of_attempt",
    "resend",
    "shown_in_recording",
    "stand_in_line",
    "take",
    "typed",
    "unasked",
    "waiting",
    "withdraw",
]
