"""One lab for all tests of this folder, as founded before each."""

from collections.abc import Iterator

import pytest

from tests.labs import Browser, RunningLab, running_lab


@pytest.fixture(scope="session")
def _one_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(_one_lab: RunningLab) -> RunningLab:
    _one_lab.reset()
    return _one_lab


@pytest.fixture
def harborline(lab: RunningLab) -> Iterator[Browser]:
    with lab.browser("harborline") as browser:
        yield browser


@pytest.fixture
def copper(lab: RunningLab) -> Iterator[Browser]:
    with lab.browser("copper_mesa_az") as browser:
        yield browser


@pytest.fixture
def northgate(lab: RunningLab) -> Iterator[Browser]:
    with lab.browser("northgate") as browser:
        yield browser
