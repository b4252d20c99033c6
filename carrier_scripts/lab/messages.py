"""The messages carriers send: codes as each writes them, and the advertising that arrives just before."""

from email.message import EmailMessage
from email.utils import format_datetime

from carrier_scripts.lab.accounts import AccountState
from carrier_scripts.lab.clock import LabClock
from carrier_scripts.lab.facts import Carrier
from carrier_scripts.lab.postbox import Posted

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Writer:
    """Writes one carrier's messages."""

    def __init__(self, carrier: Carrier, clock: LabClock) -> None:
        self.carrier = carrier
        self._clock = clock

    def code(self, account: AccountState, code: str, serial: int, *, sender: str | None = None) -> Posted:
        """The message with a code, on the account's own channel."""
        if account.facts.channel == "sms":
            return self.text(
                account,
                f"{self.carrier.short.replace(' AZ', ' Dental of AZ')}: "
                + self.carrier.code_words.format(code=code, life=self.carrier.code_life),
                serial,
                code=code,
                sender=sender or self.carrier.code_senders[0],
            )
        sender = sender or self.carrier.code_senders[0]
        split = f"{code[:3]}&nbsp;{code[3:]}" if len(code) == 6 else code
        lives = ("once, for " if self.carrier.code_life[0].isdigit() else "") + self.carrier.code_life
        html = (
            f"<html><body style='font-family:Georgia,serif;color:#16324f'><h2>{self.carrier.name}</h2>"
            f"<p>Someone is signing in to the provider portal as <b>{account.username}</b>.</p>"
            f"<p>Your code is <span style='font-size:28px;letter-spacing:4px'>{split}</span>. It works {lives}.</p>"
            f"<p>If this was not you, call Provider Services at {self.carrier.provider_line}. We never ask for this code "
            f"by telephone.</p><p style='font-size:11px;color:#888'>{self.carrier.name}, {self.carrier.postal}</p>"
            "</body></html>"
        )
        mail = self._mail(account, f"{self.carrier.short} Security <{sender}>", self.carrier.code_subject, serial, html)
        return self._posted(account, mail, sender, serial, code=code)

    def spoken(self, account: AccountState, code: str, serial: int, *, by: str) -> Posted:
        """A code that a voice reads out, or a telephone shows: nothing travels, a person hears or sees it."""
        return Posted(
            id=f"{by}_{serial}_{int(self._clock.now().timestamp() * 1000)}",
            channel=by,
            carrier=self.carrier.key,
            account=account.username,
            to="the owner's telephone",
            sender=self.carrier.provider_line,
            due=self._clock.now(),
            code=code,
            text=f"Your code is {'. '.join(code)}.",
            state="sent",
        )

    def called(self, account: AccountState, code: str, serial: int) -> Posted:
        """A call that a machine takes and writes down, as speech recognition does."""
        call = self.spoken(account, code, serial, by="voice")
        digits = ", ".join(NAMES[int(digit)] for digit in code)
        call.to, call.state = account.facts.address, "held"
        call.text = f"Hello. Your {self.carrier.short} code is {digits}. Once more: {digits}. Goodbye."
        return call

    def text(self, account: AccountState, words: str, serial: int, *, sender: str, code: str | None = None) -> Posted:
        return Posted(
            id=f"sms_{serial}_{int(self._clock.now().timestamp() * 1000)}",
            channel="sms",
            carrier=self.carrier.key,
            account=account.username,
            to=account.facts.address,
            sender=sender,
            due=self._clock.now(),
            code=code,
            text=words,
        )

    def decoy(self, account: AccountState, number: str, serial: int) -> Posted:
        """Advertising with another six-digit number in it."""
        if account.facts.channel == "sms":
            words = f"{self.carrier.short.removesuffix(' AZ')} Rewards: your office has earned offer {number}. Reply STOP to end."
            return self.text(account, words, serial, sender="+16025550188")
        host = self.carrier.hosts[0]
        sender = f"news@mail.{host}"
        html = (
            "<html><body><h1 style='color:#0a6e74'>Earn CE credits this month</h1><p>Join our free evening on claims "
            f"attachments. Your seat number is <b>{number}</b>, use code {number} at the door.</p>"
            f"<p><a href='https://{host}/news'>Read more</a> · Unsubscribe</p></body></html>"
        )
        mail = self._mail(account, f"{self.carrier.short} News <{sender}>", "Earn CE credits this month", serial, html)
        return self._posted(account, mail, sender, serial)

    def unlock(self, account: AccountState, link: str, serial: int) -> Posted:
        """The link that opens a locked account (Northgate)."""
        sender = f"accounts@{self.carrier.hosts[0]}"
        html = (
            f"<html><body><p>{account.username}, your Northgate account is locked after several attempts that did not "
            f"match.</p><p><a href='{link}'>Unlock my account</a></p></body></html>"
        )
        mail = self._mail(account, f"Northgate Accounts <{sender}>", "Unlock your Northgate account", serial, html)
        return self._posted(account, mail, sender, serial)

    def _mail(self, account: AccountState, sender: str, subject: str, serial: int, html: str) -> EmailMessage:
        now = self._clock.now()
        mail = EmailMessage()
        mail["From"] = sender
        mail["To"] = account.facts.address
        mail["Subject"] = subject
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{serial}.{int(now.timestamp() * 1000)}@{self.carrier.hosts[0]}>"
        mail.set_content(html, subtype="html", cte="quoted-printable")
        return mail

    def _posted(
        self, account: AccountState, mail: EmailMessage, sender: str, serial: int, code: str | None = None
    ) -> Posted:
        return Posted(
            id=str(mail["Message-ID"]),
            channel="email",
            carrier=self.carrier.key,
            account=account.username,
            to=account.facts.address,
            sender=sender,
            due=self._clock.now(),
            code=code,
            mail=mail,
        )
