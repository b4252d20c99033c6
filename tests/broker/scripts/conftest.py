"""The practice of the tests of releases."""

import pytest

from broker.wiring import Portunus
from tests.broker.scripts.practice import Practice


@pytest.fixture
def practice(portunus: Portunus) -> Practice:
    return Practice(portunus)
