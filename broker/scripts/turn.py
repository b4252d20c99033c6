"""One at a time per portal: whoever changes what its accounts run holds its row until the end of the transaction."""

from sqlalchemy import select

from broker.base.unit import Unit
from broker.directory.models import Portal, ScriptVersion
from broker.scripts.models import ScriptBundle, ScriptInForce, ScriptPin, ScriptRelease

DECIDED = (ScriptVersion, ScriptBundle, ScriptInForce, ScriptPin, ScriptRelease)


def take(work: Unit, portal_id: str) -> None:
    """Wait for whoever else changes this portal's releases; what of them was read before is read again when it is used."""
    work.db.flush()
    work.db.execute(select(Portal.id).where(Portal.id == portal_id).with_for_update(key_share=True))
    for row in work.db.identity_map.values():
        if isinstance(row, DECIDED):
            work.db.expire(row)
