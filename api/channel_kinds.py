"""What the page of each kind of channel says: what it is for, how it is set up, what can be tried without a sign-in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One kind, for who sets it up."""

    name: str
    what: str
    """What it is for, and what it needs."""
    set_up: str
    section: str
    """The part of a login's page “How it gets its code” that chooses it."""


KINDS = {
    "email": Words(
        "E-mail",
        "The portal sends its code by mail. Portunus reads the mailbox, takes the code out of the one mail that answers the "
        "sign-in, and types it. Nobody need look.",
        "Add a mailbox below, once for all logins that use it. Then choose it for each login, and say what the portal's mails "
        "look like where Portunus does not know it yet.",
        "email",
    ),
    "sms": Words(
        "Text message",
        "The portal sends its code to a telephone number. Whoever gets the number's messages (Twilio, an app on the office "
        "phone, a program of yours) posts them here, signed, and Portunus types the code.",
        "Add the number below. Its own page then shows the address to post to. Then choose the number for each login.",
        "sms",
    ),
    "voice": Words(
        "Voice call",
        "The portal calls a number and reads the code out. The number's provider takes the call, writes it down and posts the "
        "words here. A call that was only recorded is left to a person, with a link to the recording.",
        "Add the number under Text message (one number may do both); its page shows the address for calls. Then choose it for "
        "each login.",
        "voice",
    ),
    "totp": Words(
        "Authenticator",
        "The portal wants the six digits of an authenticator app. Portunus has the seed in its vault and makes the digits "
        "itself: no telephone, no waiting.",
        "At the portal choose “set up an authenticator”. Give Portunus the picture of the QR code, or the letters under it, on "
        "the login's page. Or let Portunus set it up at the next sign-in: you ask there, a colleague approves.",
        "totp",
    ),
    "desk": Words(
        "Code desk",
        "A person reads the code and types it in at the code desk. It works for every portal, and for every code that does not "
        "come by itself.",
        "Nothing to add. Say who is called at each office and after how many seconds under “Who is called, and when”; choose "
        "the desk for each login whose codes people read.",
        "desk",
    ),
    "provider_line": Words(
        "Provider line",
        "The carrier gives the code to people who call its provider line. The code desk shows the number and the reference; "
        "who calls says so, and types the code she is told. Portunus keeps the time on hold and the call's number.",
        "The number comes with the portal. Choose “calls the provider line” for each login that needs it.",
        "desk",
    ),
    "push": Words(
        "Number on a telephone",
        "The portal shows a number, and somebody chooses the same number in an app on the login's telephone. Portunus shows the "
        "number at the code desk and to the one who waits, and goes on when the portal does.",
        "Choose it for each login. Whoever holds that telephone keeps the code desk open.",
        "desk",
    ),
    "questions": Words(
        "Security questions",
        "The portal asks one of several questions that were agreed with it. Portunus types the stored answer to exactly that "
        "question; to a question it does not know it gives no answer.",
        "Store each question as the portal words it, with its answer, on the login's page.",
        "questions",
    ),
    "passkey": Words(
        "Passkey or security key",
        "The portal wants a key to be touched, or a passkey. Portunus's browser runs on the server: a key in your hand, or a "
        "passkey of your own computer or telephone, does not reach it. It works only with a security key that is plugged into "
        "the machine Portunus runs on, and a person beside it.",
        "If you can, choose another way at the portal (an authenticator is best) and set that up here. Otherwise plug the key "
        "into the server (where Portunus runs in a container, hand the key through to it), choose this way for the login, and "
        "have somebody there when it signs in.",
        "desk",
    ),
    "recovery": Words(
        "Recovery codes",
        "The carrier's list of spare codes, for the day the usual way is lost. They lie in the vault; each is used once, and "
        "Portunus says so when few are left.",
        "Make a list at the portal and store it on the login's page. Sign in with it only until the usual way is set up anew.",
        "recovery",
    ),
}
MESSAGES = {"email": "mailbox", "sms": "phone", "voice": "phone"}
"""Kinds whose codes come as messages, by the kind of endpoint they come to."""
POSTERS = {
    "standard": "A program that signs in the Standard Webhooks form",
    "twilio": "Twilio, or a provider that signs as Twilio does",
    "gateway": "SMS Gateway for Android (an app on the office phone)",
}
"""Who posts a number's text messages and calls."""
