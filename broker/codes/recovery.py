"""A portal's recovery codes (backup codes): in the vault, each used once, and somebody told while some are left."""

import json
from collections.abc import Sequence

from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete
from broker.base.unit import Unit
from broker.codes import records
from broker.codes.models import CodeRequest
from broker.directory.models import PortalAccount
from broker.vault.service import Vault

OWNER, FIELD = "portal_account", "recovery_codes"
FEW = 2
"""So many left, or fewer: new ones are to be made at the portal."""
MOST = 30
LONGEST = 40


def parsed(text: str) -> list[str]:
    """The codes as the portal's page or sheet shows them, one on a line or with commas between. Raises `Incomplete`."""
    given = [" ".join(part.split()) for line in text.splitlines() for part in line.split(",")]
    found = list(dict.fromkeys(code for code in given if code))
    if not found or len(found) > MOST:
        raise Incomplete(f"Type the recovery codes one on a line, at most {MOST}.")
    if any(not 4 <= len(code) <= LONGEST or not code.isascii() or not code.isprintable() for code in found):
        raise Incomplete("A recovery code has 4 to 40 letters, digits or dashes: one on a line, nothing else.")
    return found


def keep(work: Unit, vault: Vault, account: PortalAccount, codes: Sequence[str]) -> None:
    """Store new ones; those from before are replaced, as portals do it."""
    vault.put(work, account.organization_id, OWNER, account.id, FIELD, json.dumps(list(codes)).encode())
    account.recovery_codes_left = len(codes)


def use_one(work: Unit, vault: Vault, row: CodeRequest) -> str:
    """The next code, which is gone from the vault with this transaction. Raises `Conflict` when none is left."""
    account = work.db.get_one(PortalAccount, row.account_id, with_for_update=True)
    if not vault.has(work, OWNER, account.id, FIELD):
        words = "No recovery code of this login is left. Make new ones at the portal, and store them under Accounts."
        raise Conflict(words, code="needs_person")
    kept = json.loads(vault.use(work, OWNER, account.id, FIELD, purpose=f"sign-in {row.attempt_id}"))
    code, left = str(kept[0]), kept[1:]
    vault.destroy(work, OWNER, account.id, FIELD)
    if left:
        vault.put(work, account.organization_id, OWNER, account.id, FIELD, json.dumps(left).encode())
    account.recovery_codes_left = len(left)
    records.record(work, Act.RECOVERY_CODE_USED, row, detail={"left": len(left)})
    work.signal("tiles")
    return code


def warning(left: int | None) -> str:
    """What to say while few are left; empty otherwise."""
    if left is None or left > FEW:
        return ""
    number = {0: "No recovery code is", 1: "One recovery code is"}.get(left, f"{left} recovery codes are")
    return f"{number} left: make new ones at the portal, and store them here."
