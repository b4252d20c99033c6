"""The vault opens only what it sealed, where it sealed it, and says so in the log."""

import json
from datetime import UTC, datetime

import pyotp
import pytest
from sqlalchemy import select, update

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import NotFound, Unavailable
from broker.vault import envelope
from broker.vault.models import Secret
from broker.wiring import Portunus
from tests import factories as make
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def account(portunus: Portunus):
    with portunus.unit(system("test")) as work:
        org = make.organization(work)
        row = make.account(work, make.portal(work), [make.location(work, org)])
        portunus.vault.put(work, org.id, "portal_account", row.id, "password", b"first")
        portunus.vault.put(work, org.id, "portal_account", row.id, "totp_seed", SEED.encode())
        return row


def test_a_release_is_in_the_log_and_the_value_is_not(portunus: Portunus, account) -> None:
    with portunus.unit(system("test")) as work:
        assert portunus.vault.use(work, "portal_account", account.id, "password", purpose="type") == b"first"
    with portunus.reading(system("test")) as work:
        entries = list(work.db.scalars(select(AuditEntry)))
    assert Act.SECRET_RELEASED in {entry.act for entry in entries}
    assert "first" not in json.dumps([entry.leaf for entry in entries])


def test_a_replaced_secret_is_the_one_used(portunus: Portunus, account) -> None:
    with portunus.unit(system("test")) as work:
        portunus.vault.put(work, account.organization_id, "portal_account", account.id, "password", b"second")
    with portunus.unit(system("test")) as work:
        assert portunus.vault.use(work, "portal_account", account.id, "password", purpose="type") == b"second"


def test_a_row_restored_from_an_old_copy_is_refused(portunus: Portunus, account) -> None:
    with portunus.unit(system("test")) as work:
        portunus.vault.put(work, account.organization_id, "portal_account", account.id, "password", b"second")
    with portunus.unit(system("thief")) as work:
        for secret in work.db.scalars(select(Secret).where(Secret.field == "password", Secret.version == 2)):
            work.db.delete(secret)
    with pytest.raises(Unavailable, match="older"), portunus.unit(system("test")) as work:
        portunus.vault.use(work, "portal_account", account.id, "password", purpose="type")


def test_a_destroyed_row_restored_from_an_old_copy_is_refused(portunus: Portunus, account) -> None:
    with portunus.reading(system("thief")) as work:
        copied = work.db.scalars(select(Secret.sealed).where(Secret.field == "password")).one()
    with portunus.unit(system("test")) as work:
        portunus.vault.destroy(work, "portal_account", account.id, "password")
    with portunus.unit(system("thief")) as work:
        work.db.execute(update(Secret).where(Secret.field == "password").values(sealed=copied, destroyed_at=None))
    with pytest.raises(Unavailable, match="older"), portunus.unit(system("test")) as work:
        portunus.vault.use(work, "portal_account", account.id, "password", purpose="type")


def test_a_secret_stored_after_one_was_destroyed_opens_at_once_and_later(portunus: Portunus, account) -> None:
    with portunus.unit(system("test")) as work:
        portunus.vault.destroy(work, "portal_account", account.id, "password")
    with portunus.unit(system("test")) as work:
        portunus.vault.put(work, account.organization_id, "portal_account", account.id, "password", b"second")
        assert portunus.vault.use(work, "portal_account", account.id, "password", purpose="type") == b"second"
    with portunus.unit(system("test")) as work:
        assert portunus.vault.use(work, "portal_account", account.id, "password", purpose="type") == b"second"


def test_a_sealed_value_moved_to_another_field_does_not_open(portunus: Portunus, account) -> None:
    with portunus.unit(system("thief")) as work:
        password = work.db.scalars(select(Secret).where(Secret.field == "password")).one()
        work.db.execute(update(Secret).where(Secret.field == "totp_seed").values(sealed=password.sealed))
    with pytest.raises(Unavailable), portunus.unit(system("test")) as work:
        portunus.vault.use(work, "portal_account", account.id, "totp_seed", purpose="type")


def test_every_flipped_byte_is_noticed() -> None:
    key = b"k" * 32
    sealed = envelope.seal(key, ("a", "b"), b"value")
    assert envelope.unseal(key, ("a", "b"), sealed) == b"value"
    for at in range(len(sealed)):
        wrong = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(envelope.Unopenable):
            envelope.unseal(key, ("a", "b"), wrong)
    with pytest.raises(envelope.Unopenable):
        envelope.unseal(key, ("ab", ""), sealed)


def test_a_destroyed_secret_is_gone(portunus: Portunus, account) -> None:
    with portunus.unit(system("test")) as work:
        portunus.vault.destroy(work, "portal_account", account.id, "password")
    with pytest.raises(NotFound), portunus.unit(system("test")) as work:
        portunus.vault.use(work, "portal_account", account.id, "password", purpose="type")


def test_a_time_step_is_released_once_per_account(portunus: Portunus, account, clock: ManualClock) -> None:
    clock.set(datetime(2026, 11, 20, 15, 0, 10, tzinfo=UTC))
    with portunus.unit(system("test")) as work:
        first = portunus.vault.totp(work, account.id, "att_1", clock.now())
    with portunus.unit(system("test")) as work:
        second = portunus.vault.totp(work, account.id, "att_2", clock.now())
    assert first.code == pyotp.TOTP(SEED).at(clock.now())
    assert (second.code, second.wait_s) == (None, 20.0)
    clock.advance(seconds=20)
    with portunus.unit(system("test")) as work:
        assert portunus.vault.totp(work, account.id, "att_2", clock.now()).code == pyotp.TOTP(SEED).at(clock.now())


@pytest.mark.parametrize("typed", ["\uff11\uff12\uff13\uff14\uff15\uff16", "123 456", "12345", "", "١٢٣٤٥٦"])
def test_odd_digits_are_no_code(portunus: Portunus, account, typed: str) -> None:
    with portunus.unit(system("test")) as work:
        portunus.vault.put(work, account.organization_id, "user", "usr_1", "totp_seed", SEED.encode())
        assert portunus.vault.check_totp(work, "usr_1", typed, -1) is None
