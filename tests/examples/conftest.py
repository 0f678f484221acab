"""Examples train on one thread here: the other processors run other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import minigrad as mg


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    before = mg.get_num_threads()
    mg.set_num_threads(1)
    yield
    mg.set_num_threads(before)
