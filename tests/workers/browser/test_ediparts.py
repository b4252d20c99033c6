"""835 files as portals send them: whole ones are cut into segments, everything else is refused."""

from datetime import date

import pytest

from carrier_scripts.lab import founding
from carrier_scripts.lab.documents import remittance_835
from carrier_scripts.lab.oldfield_guild import OldfieldGuild
from carrier_scripts.lab.people import book
from workers.browser.calls import CallRefused
from workers.browser.ediparts import segments_of

DAY = date(2026, 1, 15)


def sample() -> bytes:
    carrier = founding.carrier("oldfield_guild")
    claims = book(carrier, OldfieldGuild.statuses, OldfieldGuild.paid, OldfieldGuild.denied, DAY).claims
    claim = next(one for one in claims if one.check)
    return remittance_835(carrier, founding.LOCATIONS[0], claim, DAY).encode()


def test_a_whole_file_is_its_segments() -> None:
    segments = segments_of(sample())
    assert [segments[0][:3], segments[-1][:3]] == ["ISA", "IEA"]
    assert any(one.startswith("CLP*") for one in segments)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><h1>Something went wrong</h1></html>",
        sample()[: len(sample()) // 2],
        sample().replace(b"ST*835", b"ST*837"),
    ],
    ids=["empty", "error page", "half", "another kind"],
)
def test_what_is_no_whole_835_is_refused(data: bytes) -> None:
    with pytest.raises(CallRefused):
        segments_of(data)
