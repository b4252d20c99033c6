"""Mails for tests: as a carrier's arrives, and as an attacker would like one to look."""

from email.message import EmailMessage

AUTHSERV = "mx.lab.test"
SENDER = "security@harborline.sim.test"


def mail(
    html: str | None = "<p>Your code is <b>482913</b>.</p>",
    *,
    text: str | None = None,
    sender: str = f"Harborline Security <{SENDER}>",
    to: str = "codes+1@lab.test",
    verdict: str
    | None = f"{AUTHSERV}; dkim=pass header.d=harborline.sim.test; dmarc=pass header.from=harborline.sim.test",
    subject: str = "Your sign-in code",
    message_id: str = "<1@harborline.sim.test>",
) -> bytes:
    message = EmailMessage()
    if verdict is not None:
        message["Authentication-Results"] = verdict
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = message_id
    if text is not None:
        message.set_content(text)
        if html is not None:
            message.add_alternative(html, subtype="html")
    else:
        message.set_content(html, subtype="html")
    return message.as_bytes()
