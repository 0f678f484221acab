"""Every test starts from the same state and must leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import numba
import pytest

import minigrad as mg
from minigrad.modes import current_mode, current_scope


def pytest_configure(config: pytest.Config) -> None:
    """Without ``-m gpu`` or ``-m ptx``, CUDA is Numba's simulator, which must be said before it is imported."""
    numba.config.ENABLE_CUDASIM = config.getoption("-m") not in ("gpu", "ptx")


@pytest.fixture(autouse=True)
def sealed() -> Iterator[None]:
    """The same seed for each test; grad mode, kernels and scope as they were, before and after."""
    mg.manual_seed(0)
    before = current_mode()
    yield
    assert current_mode() == before
    assert current_scope() is None
