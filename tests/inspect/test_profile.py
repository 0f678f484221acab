"""mg.profile: every operation, its work and its time, and what bounds it."""

from __future__ import annotations

import json
import weakref
from pathlib import Path
from time import perf_counter

import pytest

import minigrad as mg
from minigrad import kernels, nn
from minigrad.checkpoint import checkpoint
from minigrad.inspect import roofline as rooflines
from minigrad.inspect.profile import Profile, Row, Span, _bound
from minigrad.inspect.roofline import Roofline
from minigrad.modes import current_mode

ROOF = Roofline(flops=1e11, bytes=1e10, call=1e-6)


@pytest.fixture(autouse=True)
def known_roof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minigrad.inspect.profile.roofline", lambda target, dtype: ROOF)


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


def step(model: nn.Module, optimizer: mg.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(mg.ones(8, 16)).sum().backward()
    optimizer.step()


def profiled_step() -> Profile:
    model = net()
    optimizer = mg.optim.Adam(model.parameters())
    step(model, optimizer)
    with mg.profile() as found:
        step(model, optimizer)
    return found


def row(found: Profile, name: str, stage: str) -> Row:
    return next(row for row in found.rows if (row.name, row.stage) == (name, stage))


def test_operations_are_counted_in_the_stage_in_which_they_ran() -> None:
    found = profiled_step()
    assert row(found, "Linear", "forward").calls == 2
    assert row(found, "LinearWeightBackward", "backward").calls == 2
    assert row(found, "MatMul", "backward").calls == 1  # the input needs no gradient
    assert row(found, "adam_step", "update").calls == 4


def test_flops_are_those_of_the_products_forward_and_backward() -> None:
    found = profiled_step()
    layers = 2 * 8 * 16 * 32, 2 * 8 * 32 * 4
    assert row(found, "Linear", "forward").flops == sum(layers)
    assert row(found, "LinearWeightBackward", "backward").flops == sum(layers)
    assert found.flops == 2 * sum(layers) + layers[1]


def test_bytes_are_what_is_read_and_written_and_a_view_moves_none() -> None:
    x = mg.ones(10, 10)
    with mg.profile() as found:
        (x + x).reshape(100)
    assert [(span.name, span.bytes) for span in found.spans] == [("Add", 3 * 400), ("Reshape", 0)]


def test_an_optimisers_step_reads_everything_and_writes_all_but_the_gradient() -> None:
    p = mg.zeros(100, requires_grad=True)
    p.grad = mg.zeros(100)
    optimizer = mg.optim.Adam([p])
    with mg.profile() as found:
        optimizer.step()
    assert [(span.name, span.bytes) for span in found.spans] == [("adam_step", (4 + 3) * 400)]


def test_the_time_in_kernels_is_part_of_the_operations_and_these_of_the_whole() -> None:
    found = profiled_step()
    for span in found.spans:
        assert 0 < span.kernel_seconds <= span.seconds
    assert sum(span.seconds for span in found.spans) < found.seconds
    assert found.spans == sorted(found.spans, key=lambda span: span.start)
    shares = found.shares
    assert sum(shares) == pytest.approx(found.seconds - found.own_seconds, rel=1e-6)


def test_results_and_gradients_are_the_same_as_without_a_profile() -> None:
    model, x = net(), mg.randn(8, 16)
    model(x).sum().backward()
    plain = [p.grad.tolist() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    with mg.profile():
        model(x).sum().backward()
    assert [p.grad.tolist() for p in model.parameters() if p.grad is not None] == plain


@pytest.mark.parametrize(
    ("row", "bound"),
    [
        (Row("MatMul", "forward", 1, 1.1e-2, 1e-2, flops=10**9, bytes=10**6), "arithmetic"),
        (Row("MatMul", "forward", 1, 1.1e-2, 1e-2, flops=10**6, bytes=10**8), "memory"),
        (Row("Add", "forward", 1, 1.1e-2, 1e-2, bytes=9 * 10**7), "memory"),
        (Row("Exp", "forward", 1, 1.1e-2, 1e-2, bytes=2 * 10**7), "arithmetic"),
        (Row("Add", "forward", 100, 1e-3, 3e-4, bytes=1200), "Python"),  # recording takes most of it
        (Row("Add", "forward", 100, 1.2e-4, 1e-4, bytes=1200), "Python"),  # and here the calls of the kernel
        (Row("Mean", "forward", 10, 2e-4, 1.9e-4, bytes=10_000), "Python"),
    ],
)
def test_what_bounds_an_operation(row: Row, bound: str) -> None:
    assert _bound(row, ROOF) == bound


def span(name: str, seconds: float, kernel: float, flops: int = 0, bytes: int = 0) -> Span:
    return Span(name, "forward", 0.0, seconds, kernel, flops, bytes, (), mg.float32, None)


@pytest.mark.parametrize(
    ("spans", "begins"),
    [
        ([span("MatMul", 0.9, 0.9, 9 * 10**10)], "Bound by arithmetic, 90% of the time"),
        ([span("Add", 0.8, 0.8, 0, 8 * 10**9)], "Bound by memory traffic, 80% of the time"),
        ([span("Add", 0.3, 0.1, 0, 12)], "Bound by Python, 100% of the time"),
    ],
)
def test_the_verdict_names_the_largest_share(
    spans: list[Span], begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Profile()
    found.spans, found.seconds = spans, 1.0
    assert found.verdict.startswith(begins)


def test_the_table_has_a_line_for_each_operation_the_rest_and_the_cost_of_profiling() -> None:
    found = profiled_step()
    table = found.table(width=1000)
    assert table.count("Linear ") == 1
    assert "outside operations" in table
    assert "profiling itself" in table
    assert "Profiling itself took" in table
    assert "FLOPs without a formula, not counted: Relu, Sum, " in table
    assert "Bound by" in table


def test_a_trace_file_has_operations_inside_their_modules(tmp_path: Path) -> None:
    model = net()
    with mg.profile() as found:
        model(mg.ones(8, 16))
    found.save(tmp_path / "x.json")
    events = json.loads((tmp_path / "x.json").read_text())["traceEvents"]
    assert all(event["ph"] in "XM" for event in events)
    assert all(event["dur"] >= 0 and event["ts"] >= 0 for event in events if event["ph"] == "X")
    assert len({(event["pid"], event["tid"]) for event in events}) == 1
    by_name = {event["name"]: event for event in events if event["ph"] == "X"}
    assert {"Sequential (Sequential)", "0 (Linear)", "1 (ReLU)", "Linear", "Relu"} <= set(by_name)
    outer, inner, op = by_name["Sequential (Sequential)"], by_name["1 (ReLU)"], by_name["Relu"]
    assert outer["ts"] <= inner["ts"] <= op["ts"]
    assert op["ts"] + op["dur"] <= inner["ts"] + inner["dur"] + 1e-3 <= outer["ts"] + outer["dur"] + 2e-3
    assert op["cat"] == "forward"
    assert op["args"]["shapes"] == ["(8, 32)"]
    assert list(tmp_path.iterdir()) == [tmp_path / "x.json"]


def test_a_trace_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    with mg.profile() as found:
        mg.ones(2) + 1
    with pytest.raises(ValueError, match=r"the suffix must be \.json"):
        found.save(tmp_path / "x.txt")
    with pytest.raises(OSError, match="cannot write a trace"):
        found.save(tmp_path / "nowhere" / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_a_profile_is_used_once_and_not_inside_another_or_a_trace() -> None:
    with mg.profile() as found:
        with pytest.raises(RuntimeError, match="one at a time"):
            mg.profile().__enter__()
        with pytest.raises(RuntimeError, match="one at a time"):
            mg.trace(mg.exp, mg.ones(1))
    with pytest.raises(RuntimeError, match="this profile has been used"):
        found.__enter__()


def test_an_error_inside_ends_it_and_the_mode_is_as_before() -> None:
    before = current_mode()
    found = mg.profile()
    with pytest.raises(ValueError, match="matmul"), found:
        mg.ones(2) + 1
        mg.ones(2, 3) @ mg.ones(2, 3)
    assert current_mode() == before
    assert [span.name for span in found.spans] == ["Add"]
    assert found.seconds > 0


def test_a_checkpoint_made_inside_is_computed_again_after_the_end() -> None:
    x = mg.ones(4, requires_grad=True)
    with mg.profile() as found:
        y = checkpoint(lambda t: (t * t).exp(), x).sum()
    seen = len(found.spans)
    y.backward()
    assert len(found.spans) == seen
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([2 * 2.718281828] * 4)


def test_it_keeps_no_node_and_no_array_alive() -> None:
    x = mg.ones(4, requires_grad=True)
    with mg.profile() as found:
        y = x.exp()
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    assert len(found.spans) == 1


def test_it_works_with_the_reference_kernels() -> None:
    with mg.use_kernels("reference"), mg.profile() as found:
        mg.ones(4, 4) @ mg.ones(4, 4)
    assert found.target == "reference"
    assert found.flops == 2 * 4**3


def test_the_cost_of_profiling_is_measured_and_not_counted_as_the_programs() -> None:
    found = profiled_step()
    assert 0 < found.own_seconds < found.seconds - sum(span.seconds for span in found.spans)
    assert f"{len(found.spans)} operations" in repr(found)


def test_the_roofline_is_measured_on_the_kernels_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooflines, "SIDES", (8, 16))
    monkeypatch.setattr(rooflines, "LENGTHS", (64, 128))
    rooflines.measure.cache_clear()
    started = perf_counter()
    roof = rooflines.roofline("reference", mg.float64)
    took = perf_counter() - started
    rooflines.measure.cache_clear()
    assert roof.flops > 2 * 16**3 / took
    assert roof.bytes > 3 * 8 * 128 / took
    assert 0 < roof.call < took
    assert set(kernels.loaded) - {"cuda"} <= {"numba", "reference", "numba, watched", "reference, watched"}
