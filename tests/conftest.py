"""Every test starts from the same state and must leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import minigrad as mg
from minigrad.modes import current_mode, current_scope


@pytest.fixture(autouse=True)
def sealed() -> Iterator[None]:
    """The same seed for each test; grad mode, kernels and scope as they were, before and after."""
    mg.manual_seed(0)
    before = current_mode()
    yield
    assert current_mode() == before
    assert current_scope() is None
