"""The benchmarks for a GPU run from end to end in the simulator, at tiny sizes: their figures are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

import minigrad as mg
from benchmarks import gpu


class Replay:
    """Stands for PyTorch's CUDAGraph."""

    def replay(self) -> None: ...


@contextmanager
def capture(graph: Replay) -> Iterator[None]:
    yield


def stand_in() -> Any:
    """What the benchmarks ask of PyTorch, by minigrad, whose names are the same."""
    cuda = SimpleNamespace(
        Event=mg.cuda.Event,
        Stream=mg.cuda.Stream,
        stream=mg.cuda.stream,
        current_stream=mg.cuda.current_stream,
        CUDAGraph=Replay,
        graph=capture,
    )
    return SimpleNamespace(
        cuda=cuda,
        tensor=mg.tensor,
        nn=mg.nn,
        optim=mg.optim,
        no_grad=mg.no_grad,
        relu=mg.relu,
        sigmoid=mg.sigmoid,
        add=mg.add,
    )


def test_every_row_of_the_table_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "ELEMENTS", 40)
    monkeypatch.setattr(gpu, "SIDE", 12)
    monkeypatch.setattr(gpu, "LAYERS", (6, 5, 4, 3))
    monkeypatch.setattr(gpu, "BATCHES", (2, 3))
    monkeypatch.setattr(mg.Tensor, "copy_", lambda self, other: None, raising=False)
    times = iter(range(1, 10_000))
    monkeypatch.setattr(gpu.Clock, "milliseconds", lambda self, call, count: call(0) is None or next(times))
    rows = [row.cells() for row in gpu.measure(stand_in(), 1)]
    works = [cells[0] for cells in rows]
    assert works[1:5] == [f"{name}, 40 elements" for name in ("relu", "gelu", "sigmoid", "add")]
    written_out = ("gelu written out, 40 elements", "(x - m) s + b, (12, 12), of rows")
    assert works[5:9:2] == [*written_out] and works[6] == works[8] == "the same, a launch for each function"
    assert works[9:13] == [f"{x}, (12, 12)" for x in ("softmax", "sum over dim 0", "sum over dim 1", "sum of all")]
    assert works[0].startswith("copy of 40 elements: ")
    assert works[13:] == [
        f"{work}, batch {batch}{graphs}"
        for batch in (2, 3)
        for work in ("forward", "training step")
        for graphs in ("", ", graphs of both")
    ]
    assert [cells[4] for cells in rows] == ["0.9"] * 5 + ["0.8", "1"] * 2 + ["0.8"] * 4 + ["0.7", "1"] * 4
    assert all(cells[3].endswith(("a copy's bandwidth", "PyTorch")) for cells in rows)


def test_later_steps_ask_the_driver_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "LAYERS", (6, 5, 4, 3))
    monkeypatch.setattr(gpu, "BATCHES", (2, 3))
    said = gpu.driver_calls()
    for work in ("with SGD ", "with Adam ", "with Adam and a dropout "):
        assert work in said
    assert said.count("then [0, 0, 0, 0], and replays of its graph [0, 0, 0, 0, 0]") == 3


def test_time_is_that_between_two_events() -> None:
    calls: list[int] = []
    assert gpu.Clock(mg).milliseconds(calls.append, 6) >= 0
    assert calls == [0, 1, 2, 3, 0, 1]


def test_the_table_goes_between_its_marks(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{gpu.BEGIN}\nold\n{gpu.END}\nafter")
    monkeypatch.setattr(gpu, "PAGE", page)
    gpu.write("new")
    assert page.read_text() == f"before\n{gpu.BEGIN}\n\nnew\n\n{gpu.END}\nafter"
