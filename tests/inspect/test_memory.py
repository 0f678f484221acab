"""mg.memory: what a graph keeps, who keeps it, and since which line."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.checkpoint import checkpoint

memory = mg.memory


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 2))


def test_the_largest_is_first_with_its_operation_module_and_shape() -> None:
    found = memory(net()(mg.randn(16, 4)).sum())
    values = [held for held in found.held if not held.is_leaf]
    assert [(held.op, held.name, held.module, held.shape, held.bytes) for held in values] == [
        ("Sigmoid", "z", "1", (16, 8), 512),
        ("Sigmoid", "a", "1", (16, 8), 512),
        ("Linear", "x", "0", (16, 4), 256),
    ]
    assert [held.bytes for held in found.held if held.is_leaf] == [128, 64]  # each layer's W


def test_an_array_that_two_nodes_keep_counts_once_and_names_both() -> None:
    found = memory(net()(mg.randn(16, 4)).sum())
    (a,) = [held for held in found.held if held.name == "a"]
    assert a.others == ("Linear x",)
    assert found.bytes == 512 + 512 + 256
    assert found.parameter_bytes == 128 + 64


def test_an_input_that_requires_a_gradient_is_a_leaf_as_a_parameter_is() -> None:
    found = memory(net()(mg.randn(16, 4).requires_grad_()).sum())
    assert (found.bytes, found.parameter_bytes) == (512 + 512, 256 + 128 + 64)


def test_the_line_is_the_one_that_recorded_it() -> None:
    x = mg.ones(3, requires_grad=True)
    y = x.exp()  # the line
    line = memory(y).held[0].line
    assert line is not None
    assert line.text == "y = x.exp()  # the line"
    with mg.lean_mode():
        assert memory(x.exp()).held[0].line is None


def test_a_view_holds_the_whole_array() -> None:
    x = mg.ones(1000)
    w = mg.ones(10, requires_grad=True)
    found = memory((x[:10] * w).sum())
    (held,) = [held for held in found.held if held.name == "x"]
    assert (held.shape, held.bytes) == ((10,), 4000)


def test_an_index_is_held_by_its_operation() -> None:
    index = mg.tensor(np.arange(50) % 4)
    found = memory(mg.ones(4, requires_grad=True)[index].sum())
    assert [(held.op, held.bytes) for held in found.held] == [("Index", 400)]


def test_after_the_walk_back_nothing_is_held() -> None:
    loss = net()(mg.randn(16, 4)).sum()
    loss.backward()
    found = memory(loss)
    assert (found.bytes, found.parameter_bytes, found.freed) == (0, 0, found.nodes)
    assert "4 nodes were walked already" in str(found)


def test_what_a_checkpoint_computes_again_is_counted_apart() -> None:
    x = mg.randn(16, 4).requires_grad_()
    found = memory(checkpoint(net(), x).sum())
    assert found.held == []
    assert found.elsewhere > 0
    assert "computed again" in str(found)


def test_several_outputs_share_what_they_were_made_from() -> None:
    y = mg.ones(100, requires_grad=True).exp()
    assert memory(y.sum(), y.mean()).bytes == memory(y.sum()).bytes == 400


def test_the_table_names_everything_and_sums_up() -> None:
    table = memory(net()(mg.randn(16, 4)).sum()).table(width=1000)
    head, first, *_ = table.splitlines()
    assert head.split() == ["op", "keeps", "shape", "dtype", "bytes", "module", "also", "kept", "by", "line"]
    assert first.startswith("Sigmoid  z      (16, 8)  float32    512  1")
    assert "test_memory.py:" in first
    assert repr(memory(net()(mg.randn(16, 4)))) == "<Memory: 1,280 bytes and 192 of parameters in 3 nodes>"
    assert table.splitlines()[-1] == "1.28 kB in 3 arrays and 192 B of parameters are held by 4 nodes"


@pytest.mark.parametrize(
    ("outputs", "kind", "message"),
    [
        ((3.0,), TypeError, "expects tensors, got float"),
        ((mg.ones(2),), ValueError, "needs a tensor that was recorded"),
        ((), ValueError, "needs a tensor that was recorded"),
    ],
)
def test_what_has_no_graph_is_refused(outputs: tuple[object, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        memory(*outputs)  # type: ignore[arg-type]
