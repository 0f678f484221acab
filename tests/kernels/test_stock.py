"""kernels/stock.py: which calls compile every kernel."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from minigrad.kernels import cpu, reference, stock

CONTRACT = [
    name
    for name, function in inspect.getmembers(reference, inspect.isfunction)
    if function.__module__ == reference.__name__ and getattr(cpu, name) is not function
]


@pytest.mark.parametrize("name", CONTRACT)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_function_of_the_contract_gets_arguments_that_fit(name: str, dtype: Any) -> None:
    calls = list(stock.samples(getattr(reference, name), dtype, 3))
    assert calls
    for arguments, options in calls:
        arrays = [x for x in arguments if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
        assert {x.dtype for x in arrays} == {np.dtype(dtype)}
        getattr(reference, name)(*arguments, **options)


def test_filling_goes_through_the_whole_contract_at_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, str, int]] = []
    for name in CONTRACT:
        monkeypatch.setattr(cpu, name, lambda x, name=name: called.append((name, x.dtype.name, x.size)))
    monkeypatch.setattr(stock, "samples", lambda function, dtype, side: [((np.ones(side, dtype),), {})])
    told = list(stock.fill())
    assert told[-1][1:] == (len(told), len(told)) == (2 * len(CONTRACT),) * 2
    assert called == [(n, d, s) for n in CONTRACT for d in ("float32", "float64") for s in (2, 1024)]
