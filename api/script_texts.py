"""Which files the script editor works on: those of the version it began from, the script's own text changed."""

from broker.base.errors import Incomplete, NotFound
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Portal
from broker.scripts import service as scripts
from broker.scripts.models import ScriptBundle


def base_of(work: Unit, site: Portal, digest: str) -> ScriptBundle | None:
    """What the editor begins from: the version that is named, else the one in force, else the newest."""
    if digest:
        row = scripts.version(work, digest)
        if row.portal_id != site.id:
            raise NotFound(f"{site.name} has no version {digest[:16]}.")
        return scripts.bundle_of(work, row.digest)
    in_force = scripts.standing(work, site.id)
    return scripts.bundle_of(work, in_force) if in_force else next(iter(scripts.history(work, site.id)), None)


def with_text(work: Unit, key: str, text: str, base: str) -> list[dict[str, str]]:
    """The files of the version it began from with the script's own text changed. Raises `Incomplete` where none were kept."""
    known = base_of(work, directory.portal_by_key(work, key), base)
    if known is None or not known.sources:
        raise Incomplete("The bytes of that version are not here, so there is nothing to change.")
    sources = [dict(one) for one in known.sources]
    sources[-1]["text"] = text.replace("\r\n", "\n")
    return sources
