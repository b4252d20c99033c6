"""What a lookup may send: the pages and searches its script declares, and nothing else."""

import pytest

from carrier_scripts.portals.harborline import Harborline
from workers.browser.writeguard import WriteGuard

HOST = "https://harborline.sim.test"


@pytest.mark.parametrize(
    ("method", "address", "kind", "allowed"),
    [
        ("GET", f"{HOST}/eligibility/HD1?tab=plan", "Document", True),
        ("POST", f"{HOST}/eligibility", "Document", True),
        ("POST", f"{HOST}/eligibility", "XHR", True),
        ("GET", f"{HOST}/claims/1", "Fetch", True),
        ("GET", f"{HOST}/favicon.ico", "Other", True),
        ("POST", f"{HOST}/claims/1", "Document", False),
        ("POST", f"{HOST}/eligibility", "Ping", False),
        ("POST", f"{HOST}/eligibility/HD1", "Document", False),
        ("GET", f"{HOST}/account/close", "Document", False),
        ("GET", f"{HOST}/payments/change-bank", "XHR", False),
        ("DELETE", f"{HOST}/claims/1", "Fetch", False),
        ("PUT", f"{HOST}/eligibility", "Fetch", False),
        ("GET", "https://elsewhere.sim.test/eligibility", "Document", False),
        ("GET", "http://harborline.sim.test/eligibility", "Document", False),
    ],
)
def test_only_declared_reads_and_searches_leave(method: str, address: str, kind: str, allowed: bool) -> None:
    assert WriteGuard(Harborline).allows(method, address, kind) is allowed
