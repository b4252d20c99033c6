"""People, service accounts, what they may do and where, and their sign-ins to Portunus."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.base.db import Base


class User(Base):
    __tablename__ = "user"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    email: Mapped[str] = mapped_column(String(200), unique=True)
    """NFKC-normalised and case-folded; the sign-in name."""
    name: Mapped[str] = mapped_column(String(120))
    status: Mapped[str] = mapped_column(String(12), default="active")
    password_hash: Mapped[str | None] = mapped_column(String(300))
    """Argon2id."""
    totp_secret_id: Mapped[str | None] = mapped_column(String(40))
    """Vault secret that holds the TOTP seed."""
    totp_last_step: Mapped[int] = mapped_column(default=0)
    """Newest TOTP time step accepted: a step is good once (ASVS 6.5.1)."""
    created_at: Mapped[datetime]

    grants: Mapped[list["Grant"]] = relationship(back_populates="user")


class ShellName(Base):
    """An account of this machine's operating system that is a person's own."""

    __tablename__ = "shell_name"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), unique=True)
    set_by: Mapped[str] = mapped_column(String(60))
    set_at: Mapped[datetime]


class ServiceAccount(Base):
    """Automation: has API keys, never a password, never signs in interactively."""

    __tablename__ = "service_account"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    name: Mapped[str] = mapped_column(String(120), unique=True)
    status: Mapped[str] = mapped_column(String(12), default="active")
    owner_id: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime]

    grants: Mapped[list["Grant"]] = relationship(back_populates="service_account")
    keys: Mapped[list["ApiKey"]] = relationship(back_populates="service_account")


class ApiKey(Base):
    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    service_account_id: Mapped[str] = mapped_column(ForeignKey("service_account.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the key; the key itself is shown once."""
    hint: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    service_account: Mapped[ServiceAccount] = relationship(back_populates="keys")


class Grant(Base):
    """A role, given to a user or service account, for a location, for a portal account, or (both empty) everywhere."""

    __tablename__ = "grant"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"), index=True)
    service_account_id: Mapped[str | None] = mapped_column(ForeignKey("service_account.id"), index=True)
    role: Mapped[str] = mapped_column(String(30))
    location_id: Mapped[str | None] = mapped_column(ForeignKey("location.id"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("portal_account.id"))
    granted_by: Mapped[str] = mapped_column(String(60))
    granted_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship(back_populates="grants")
    service_account: Mapped[ServiceAccount | None] = relationship(back_populates="grants")


class Login(Base):
    """A person's sign-in to Portunus, kept on the server. The cookie holds a random token; here is its digest."""

    __tablename__ = "login"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """Absolute limit; the idle limit is counted from seen_at."""
    second_factor_at: Mapped[datetime | None]
    """Empty while the password was right and the second factor is still to come."""
    ended_at: Mapped[datetime | None]
    via: Mapped[str] = mapped_column(String(10), default="password")
    """password; link (a new password must be chosen first); direct (a link made at the machine's own shell)"""
    address: Mapped[str | None] = mapped_column(String(60))
    device: Mapped[str | None] = mapped_column(String(200))

    user: Mapped[User] = relationship()


class SignInLink(Base):
    """A one-time link: first administrator, new user, or the demo's printed links."""

    __tablename__ = "sign_in_link"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    direct: Mapped[bool] = mapped_column(default=False)
    """Signs in at once. Else it leads to choosing a password and showing the second factor."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class FailedSignIn(Base):
    """One wrong try, kept in SQL so that the limit holds when Redis is away."""

    __tablename__ = "failed_sign_in"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(220), index=True)
    """`user:…` or `address:…`"""
    at: Mapped[datetime] = mapped_column(index=True)


class OneTimeUse(Base):
    """A key that counts once: idempotency keys and webhook message ids."""

    __tablename__ = "one_time_use"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime]
    result_id: Mapped[str | None] = mapped_column(String(60))
