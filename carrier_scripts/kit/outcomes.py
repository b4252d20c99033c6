"""How a sign-in, or any look at a page, ended: a closed list, and for each who acts next and in what words."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    SIGNED_IN = "signed_in"
    ASKS_CODE = "asks_code"
    WRONG_PASSWORD = "wrong_password"
    PASSWORD_EXPIRED = "password_expired"
    LOCKED = "locked"
    WRONG_CODE = "wrong_code"
    CODE_LATE = "code_late"
    """The code came after its life, or the portal says it has expired."""
    NO_CODE = "no_code"
    """No code came in time."""
    WRONG_PRACTICE = "wrong_practice"
    """Signed in, but not for the practice that was asked for."""
    TERMS_CHANGED = "terms_changed"
    """The carrier wants new terms accepted: a person's decision, never a script's."""
    NEEDS_PERSON = "needs_person"
    """A page only a person may deal with: incomplete profile, security notice, choice."""
    CAPTCHA = "captcha"
    DOWN = "down"
    """Maintenance, 5xx, time-out, refused connection."""
    SIGNED_OUT = "signed_out"
    """A session that was signed in is no longer."""
    ANSWERED = "answered"
    """A lookup has its answer (which may be: no such member)."""
    UNRECOGNISED = "unrecognised"
    """None of the script's signs show: the page changed. Comes with the page attached."""
    SCRIPT_FAILED = "script_failed"
    """The script broke its contract, crashed or ran out of time."""
    REFUSED = "refused"
    """Portunus itself refused: policy, lockout budget, foreign host."""


NAMES = frozenset(outcome.value for outcome in Outcome)


class Next(StrEnum):
    """Who acts next."""

    NOBODY = "nobody"
    REQUESTER = "requester"
    OWNER = "owner"
    """Who looks after the login at the carrier."""
    WAIT = "wait"
    AUTHOR = "author"
    """Who maintains the carrier script."""


@dataclass(frozen=True)
class Meaning:
    next: Next
    words: str
    parks_account: bool = False
    """No further attempt until a person has dealt with it: another try could lock the login."""


MEANINGS: dict[Outcome, Meaning] = {
    Outcome.SIGNED_IN: Meaning(Next.NOBODY, "Signed in."),
    Outcome.ASKS_CODE: Meaning(Next.REQUESTER, "The portal asks for a code."),
    Outcome.WRONG_PASSWORD: Meaning(
        Next.OWNER, "The portal does not accept the stored password. Store the current one.", parks_account=True
    ),
    Outcome.PASSWORD_EXPIRED: Meaning(
        Next.OWNER, "The portal wants a new password. Change it there, then store it here.", parks_account=True
    ),
    Outcome.LOCKED: Meaning(
        Next.OWNER, "The portal has locked this login. Unlock it with the carrier.", parks_account=True
    ),
    Outcome.WRONG_CODE: Meaning(Next.REQUESTER, "The portal did not accept the code."),
    Outcome.CODE_LATE: Meaning(Next.REQUESTER, "The code came too late. Try again and have the desk ready."),
    Outcome.NO_CODE: Meaning(Next.REQUESTER, "No code came in time. Try again or use the code desk."),
    Outcome.WRONG_PRACTICE: Meaning(
        Next.OWNER, "The portal signed in to another practice. Nothing was handed out; check the account's locations."
    ),
    Outcome.TERMS_CHANGED: Meaning(
        Next.OWNER,
        "The carrier asks to accept new terms. Someone entitled must read and accept them.",
        parks_account=True,
    ),
    Outcome.NEEDS_PERSON: Meaning(Next.OWNER, "The portal shows a page that a person must deal with."),
    Outcome.CAPTCHA: Meaning(
        Next.OWNER,
        "The portal asks for proof of a human. Its owner must sign in there by hand, then release the login.",
        parks_account=True,
    ),
    Outcome.DOWN: Meaning(Next.WAIT, "The portal is down. Try again later; the provider line may help."),
    Outcome.SIGNED_OUT: Meaning(Next.REQUESTER, "The portal has signed out. Open it again."),
    Outcome.ANSWERED: Meaning(Next.NOBODY, "Answered."),
    Outcome.UNRECOGNISED: Meaning(Next.AUTHOR, "The portal shows a page the script does not know."),
    Outcome.SCRIPT_FAILED: Meaning(Next.AUTHOR, "The carrier script failed."),
    Outcome.REFUSED: Meaning(Next.OWNER, "Portunus refused to go on."),
}
