"""A code is used at most once, only by the attempt that asked, only inside its window: `take` is one conditional UPDATE."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from broker.audit.acts import Act
from broker.base.db import changed
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import desk, records, recovery
from broker.codes.models import Code, CodeRequest
from broker.directory.models import PortalAccount
from broker.vault.service import Vault


@dataclass(frozen=True)
class Taken:
    """A code for the attempt's own desk, or how long until the next try makes sense."""

    code: str | None
    wait_s: float = 0.2

    def __repr__(self) -> str:
        return f"Taken(wait_s={self.wait_s})"


def take(work: Unit, vault: Vault, request_id: str, attempt_id: str) -> Taken:
    """The code, once, for the attempt that asked and before the deadline; otherwise how long to wait before the next look."""
    row = records.locked(work, request_id)
    if row.attempt_id != attempt_id or row.deadline <= work.clock.now():
        return Taken(None)
    if row.channel == "totp" and row.state in ("expected", "waiting"):
        return _take_totp(work, vault, row)
    if row.channel == "recovery" and row.state in ("expected", "waiting"):
        return _take_recovery(work, vault, row)
    if row.state != "matched":
        return Taken(None)
    code = work.db.scalar(select(Code).where(Code.request_id == row.id, Code.state == "held"))
    if code is None or not _claim(work, row, "matched"):
        return Taken(None)
    value = vault.use(work, "code", code.id, "value", purpose="type the code").decode()
    vault.destroy(work, "code", code.id, "value")
    code.state, code.used_at = "released", work.clock.now()
    _released(work, row, code)
    return Taken(value)


def _take_totp(work: Unit, vault: Vault, row: CodeRequest) -> Taken:
    release = vault.totp(work, row.account_id, row.attempt_id, work.clock.now())
    if release.code is None:
        return Taken(None, max(release.wait_s, 0.2))
    if not _claim(work, row, row.state):
        return Taken(None)
    return _made_here(work, vault, row, release.code)


def _take_recovery(work: Unit, vault: Vault, row: CodeRequest) -> Taken:
    if not _claim(work, row, row.state):
        return Taken(None)
    return _made_here(work, vault, row, recovery.use_one(work, vault, row))


def _made_here(work: Unit, vault: Vault, row: CodeRequest, value: str) -> Taken:
    """A code that no message brought: released and on record."""
    account = work.db.get(PortalAccount, row.account_id)
    assert account is not None
    code = Code(
        id=new_id("otc"),
        request_id=row.id,
        message_id=None,
        channel=row.channel,
        received_at=work.clock.now(),
        given_by=None,
        digest=vault.digest(work, account.organization_id, value),
        state="released",
        used_at=work.clock.now(),
    )
    work.db.add(code)
    work.db.flush()
    _released(work, row, code)
    return Taken(value)


def _claim(work: Unit, row: CodeRequest, state: str) -> bool:
    claimed = work.db.execute(
        update(CodeRequest)
        .where(CodeRequest.id == row.id, CodeRequest.state == state)
        .values(state="released", state_at=work.clock.now(), released_to=row.attempt_id)
    )
    return changed(claimed) == 1


def _released(work: Unit, row: CodeRequest, code: Code) -> None:
    work.db.refresh(row)
    records.record(work, Act.CODE_RELEASED, row, detail={"code": code.id, **records.asker(work, row)})
    work.signal("desk")
    work.signal("tiles")


def typed(work: Unit, request_id: str, page: str) -> None:
    """The code is in the portal's field (`page` is host and path)."""
    row = records.request(work, request_id)
    row.typed_at, row.typed_page = work.clock.now(), page[:200]
    records.record(work, Act.CODE_TYPED, row, detail={"page": page[:200]})


def answered(work: Unit, request_id: str, *, accepted: bool) -> None:
    """What the portal said to it."""
    row = records.locked(work, request_id)
    if row.state != "released":
        return
    state = "accepted" if accepted else "rejected"
    known = records.came_for(work, row)
    records.move(work, row, state)
    for code in row.codes:
        if code.state == "released":
            code.state = state
            if accepted and code.given_by and code.digest.hex() not in known and row.sent > row.came:
                row.came += 1  # it came, though no message told us
    if accepted:
        desk.phone_is_back(work, row.endpoint_id)
    records.record(work, Act.CODE_ANSWERED, row, outcome=state)
    work.signal("desk")


def shown_in_recording(work: Unit, portal_attempts: Sequence[str], recording_id: str) -> None:
    """The recording of the tab that these sign-ins were for starts: link their requests to its beginning.

    It begins when the portal is signed in, so it holds what the code opened and never the code itself.
    """
    work.db.execute(
        update(CodeRequest)
        .where(CodeRequest.attempt_id.in_(portal_attempts), CodeRequest.recording_id.is_(None))
        .values(recording_id=recording_id, recording_offset_ms=0)
    )


def codes_of_recording(work: Unit, recording_id: str) -> Sequence[CodeRequest]:
    """The requests whose codes opened what this recording shows, oldest first."""
    mine = select(CodeRequest).where(CodeRequest.recording_id == recording_id)
    return work.db.scalars(mine.order_by(CodeRequest.asked_at)).all()
