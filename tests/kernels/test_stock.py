"""kernels/stock.py: which calls compile every kernel."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from minigrad.kernels import cpu, reference, stock
from minigrad.kernels.cpu.compile import seal

CONTRACT = [
    name
    for name, function in inspect.getmembers(reference, inspect.isfunction)
    if function.__module__.startswith(reference.__name__) and getattr(cpu, name) is not function
]


@pytest.mark.parametrize(("name", "dtype"), [(name, dtype) for name in CONTRACT for dtype in stock.dtypes(name)])
def test_every_function_of_the_contract_gets_arguments_that_fit(name: str, dtype: Any) -> None:
    calls = list(stock.samples(getattr(reference, name), dtype, 3))
    assert len(calls) == 2
    for arguments, options in calls:
        assert {x.dtype for x in arguments if isinstance(x, np.ndarray)} >= {np.dtype(dtype)}
        getattr(reference, name)(*arguments, **options)


@pytest.mark.skipif(not numba.config.DISABLE_JIT, reason="compiling everything takes minutes")
@pytest.mark.parametrize("name", CONTRACT)
def test_what_is_compiled_takes_the_arguments_too(name: str) -> None:
    for dtype in stock.dtypes(name):
        for arguments, options in stock.samples(getattr(reference, name), dtype, 3):
            getattr(cpu, name)(*arguments, **options)


def test_filling_goes_through_the_whole_contract_at_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, str, int]] = []
    for name in CONTRACT:
        monkeypatch.setattr(cpu, name, lambda x, name=name: called.append((name, x.dtype.name, x.size)))
    monkeypatch.setattr(stock, "samples", lambda function, dtype, side: [((np.ones(side, dtype),), {})])
    told = list(stock.fill())
    assert told[-1][1:] == (len(told), len(told))
    assert called == [(n, np.dtype(d).name, s) for n in CONTRACT for d in stock.dtypes(n) for s in (2, 1024)]


def test_files_are_listed_with_whether_they_are_current_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "directory", lambda: tmp_path)
    (tmp_path / "current.kernel").write_bytes(seal(b"code") + b"code")
    (tmp_path / "damaged.kernel").write_bytes(seal(b"code") + b"other")
    (tmp_path / "empty.kernel").touch()
    (tmp_path / "kept.txt").touch()
    found = [(file.path.name, file.bytes, file.is_current) for file in stock.stored()]
    assert found == [("current.kernel", 36, True), ("damaged.kernel", 37, False), ("empty.kernel", 0, False)]
    assert stock.clear() == 3
    assert stock.stored() == []
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_without_a_folder_there_are_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "directory", lambda: None)
    assert stock.stored() == [] and stock.clear() == 0
