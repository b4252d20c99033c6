"""Task: mail one alert about a carrier script to its owner, where the office has named its mail server."""

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import urlsplit

import structlog

from broker.base.actor import system
from broker.base.settings import Settings
from broker.scripts import alerts
from broker.scripts.alerts import Letter
from broker.wiring import Portunus

PERMISSION = "system"
ACTOR = system("alerts")
TIMEOUT_S = 10
log = structlog.get_logger("alert")


def look(portunus: Portunus, alert_id: str) -> None:
    """Claimed in the database first: delivered three times it is mailed once."""
    if not portunus.settings.mail_relay:
        return
    with portunus.unit(ACTOR) as work:
        letter = alerts.take_letter(work, alert_id)
    if letter is None:
        return
    try:
        send(portunus.settings, letter)
    except (OSError, smtplib.SMTPException) as no:
        log.warning("an alert could not be mailed", alert=alert_id, kind=type(no).__name__)
        with portunus.unit(ACTOR) as work:
            alerts.not_sent(work, alert_id)


def send(settings: Settings, letter: Letter) -> None:
    """One message to the relay, encrypted where the relay offers that."""
    host, _, port = settings.mail_relay.rpartition(":")
    mail = EmailMessage()
    mail["From"] = settings.mail_from or f"portunus@{urlsplit(settings.public_url).hostname}"
    mail["To"], mail["Subject"] = letter.to, letter.subject
    mail.set_content(f"{letter.text}\n".replace("\n/", f"\n{settings.public_url}/"))
    with smtplib.SMTP(host, int(port), timeout=TIMEOUT_S) as relay:
        relay.ehlo()
        if relay.has_extn("starttls"):
            relay.starttls(context=ssl.create_default_context())
        relay.send_message(mail)
