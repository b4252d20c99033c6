"""What the vault keeps: wrapped keys and sealed secrets. Nothing here opens without the root key."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broker.base.db import Base


class TenantKey(Base):
    """One organization's key, wrapped by the root key. Versions are kept until nothing uses them."""

    __tablename__ = "tenant_key"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    version: Mapped[int]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("organization_id", "version"),)


class Secret(Base):
    """One sealed value. Replacing a secret adds a version; only the newest is used."""

    __tablename__ = "secret"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    owner_kind: Mapped[str] = mapped_column(String(30))
    """portal_account, delivery_endpoint, user, portal_session, recording, code, setting"""
    owner_id: Mapped[str] = mapped_column(String(60))
    field: Mapped[str] = mapped_column(String(30))
    """password, totp_seed, mailbox_password, webhook_secret, trusted_device, state, key, value"""
    version: Mapped[int]
    tenant_key_version: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    set_by: Mapped[str] = mapped_column(String(60))
    set_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("owner_kind", "owner_id", "field", "version"),)
