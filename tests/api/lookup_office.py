"""What the tests of lookups ask, a sheet of it, and pictures as the browser host keeps them."""

import hashlib
from io import BytesIO

from PIL import Image

from broker.base.ids import new_id
from broker.lookups import service as lookups
from broker.recordings import service as recordings
from broker.recordings.container import Message, Writer
from broker.recordings.service import Subject
from broker.tabs.models import Lease
from tests.broker.lookups.conftest import Office
from workers.browser import messages

QUESTION = {
    "kind": "eligibility",
    "portal": "harborline",
    "location": "phoenix",
    "member_id": "HD100042731",
    "birth_date": "1984-03-17",
}
CSV = b"Patient,Member ID,DOB\nAda,HD100042731,03/17/1984\nBo,HD100042732,never\n"


def photographed(office: Office, lease_id: str, pngs: list[bytes]) -> list[lookups.Picture]:
    """A recording of the lookups' lease with these pictures, a second apart, as the browser host keeps them."""
    portunus = office.portunus
    with portunus.unit(lookups.HOLDER) as work:
        session = work.db.get_one(Lease, lease_id).portal_session_id
        subject = Subject(
            office.account.organization_id, lease_id, session, office.account.id, office.location.id, "system", "lookups",
            "Lookups",
        )  # fmt: skip
        recording, key = recordings.start(work, portunus.vault, subject)
        recording_id, blob = recording.id, recording.blob
    writer, kept = Writer(recording_id, key), []
    portunus.blobs.append(blob, writer.header())
    for number, png in enumerate(pngs):
        with Image.open(BytesIO(png)) as picture:
            wide, high = picture.size
        place, ms = portunus.blobs.size(blob), 1000 * number
        frame = messages.frame(0, number, ms, wide, high, png)
        portunus.blobs.append(blob, writer.chunk([Message(ms, frame)]))
        now = portunus.clock.now()
        kept.append(
            lookups.Picture(
                new_id("art"),
                "screenshot",
                hashlib.sha256(png).hexdigest(),
                len(png),
                now,
                recording_id,
                ms,
                number,
                place,
            )
        )
    return kept
