"""What people call a portal's pages, as its script says it."""

import pytest

from workers.browser.scriptstore import shipped


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://harborline.sim.test/home", "Home"),
        ("https://harborline.sim.test/claims/HL2631400296?from=list", "Claims"),
        ("https://harborline.sim.test/home/other", ""),
        ("https://harborline.sim.test/", ""),
        ("https://elsewhere.test/claims", ""),
        ("about:blank", ""),
    ],
)
def test_a_page_is_called_as_the_script_says(address: str, name: str) -> None:
    assert shipped("harborline").page_name(address) == name
