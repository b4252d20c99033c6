"""What the founding document is made of: practices, logins, carriers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """A practice office and the tax entity that bills for it."""

    key: str
    name: str
    city: str
    time_zone: str
    npi: str
    legal_name: str
    tin: str

    @property
    def tin_ending(self) -> str:
        return self.tin[-4:]


@dataclass(frozen=True)
class Account:
    """A login at a carrier, with what only the carrier and its owner know."""

    key: str
    carrier: str
    username: str
    password: str
    login_kind: str
    channel: str
    locations: tuple[str, ...]
    role: str = "biller"
    """biller or eligibility (a hub's role matrix)."""
    address: str = ""
    """Where its codes go: an e-mail alias or an E.164 number; empty for an authenticator."""
    masked: str = ""
    totp_seed: str = ""
    backup_codes: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    """Security questions, as the portal words them, and what was answered at registration."""
    device: str = ""
    """Which of the portal's ways to get a code its owner has set up, where the portal offers several: voice, push, …"""
    label: str = ""
    """What the practice calls it, where it has several logins at the carrier."""


@dataclass(frozen=True)
class Carrier:
    key: str
    name: str
    short: str
    hosts: tuple[str, ...]
    start_url: str
    provider_line: str
    member_prefix: str
    """Member IDs begin so."""
    claim_prefix: str
    code_senders: tuple[str, ...] = ()
    code_subject: str = ""
    code_pattern: str = r"(?<!\d)(\d{3})[\s\u00a0]?(\d{3})(?!\d)"
    """As its own messages write it; the digits are the groups together."""
    code_life: str = "10 minutes"
    """As its messages and pages say it."""
    code_words: str = "{code} is your verification code. It expires in {life}."
    """What a text message says after the carrier's name."""
    postal: str = ""
