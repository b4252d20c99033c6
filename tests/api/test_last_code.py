"""Who received the last code: asked on a page or as data; what is elsewhere and what is not at all look the same."""

import pytest

from broker.base.actor import system
from tests import factories


@pytest.fixture
def auditor(portunus, signed_in):
    """Compliance at Phoenix only; Tucson exists."""
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        phoenix, tucson = factories.location(work, org), factories.location(work, org, "tucson")
        factories.account(work, factories.portal(work), [phoenix, tucson])
        user = factories.user(work, org, "Audrey Auditor", role="compliance", locations=[phoenix])
    return signed_in(user)


def test_elsewhere_and_nowhere_are_told_in_the_same_words(auditor):
    told = [
        auditor.get(f"/api/v1/last-code?portal=harborline&location={place}").json()["detail"]
        for place in ("tucson", "nowhere")
    ]
    assert told[0] == told[1]


def test_the_page_says_so_too(auditor):
    pages = [auditor.get(f"/last-code?portal=harborline&location={place}").text for place in ("tucson", "nowhere")]
    assert all("not at one of your locations" in text for text in pages)
