"""What the tests of the GPU share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from minigrad import kernels


@pytest.fixture
def at_sight(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Chains and epilogues are compiled when they are first met; nothing is put off before or after a test."""
    kernels.load("cuda")
    from minigrad.kernels.cuda import chain, device

    device.flush_all()
    monkeypatch.setattr(chain, "PATIENCE", 0)
    yield
    device.flush_all()


class Forgetful(dict[Any, Any]):
    """It keeps nothing."""

    def __setitem__(self, key: Any, value: Any) -> None: ...


@pytest.fixture
def recipes_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """How a product is computed is worked out each time, from what the test has put in the place of a tile."""
    kernels.load("cuda")
    from minigrad.kernels.cuda import chain, products

    monkeypatch.setattr(chain, "_plans", Forgetful())
    monkeypatch.setattr(products, "recipe_of", products.recipe_of.__wrapped__)
