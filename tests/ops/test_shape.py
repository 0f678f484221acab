"""Shape, order, pieces, diagonals: what is a view and what a copy, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.modes import observe
from minigrad.nn import functional as F

VIEWS: dict[str, Callable[[mg.Tensor], mg.Tensor]] = {
    "reshape": lambda x: x.reshape(2, 6),
    "view_as": lambda x: x.view_as(mg.zeros(12)),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "movedim": lambda x: x.movedim(0, 1),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "expand_as": lambda x: x.expand_as(mg.zeros(2, 3, 4)),
    "broadcast_to": lambda x: x.broadcast_to((2, 3, 4)),
    "broadcast_tensors": lambda x: mg.broadcast_tensors(x, mg.zeros(2, 1, 1))[0],
    "meshgrid": lambda x: mg.meshgrid(x[0], x[1])[1],
    "split": lambda x: x.split(2)[1],
    "chunk": lambda x: x.chunk(2, dim=1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "unfold": lambda x: x.unfold(1, 2, 1),
    "diagonal": lambda x: x.diagonal(1),
    "contiguous": lambda x: x.contiguous(),
    "einsum": lambda x: mg.einsum("ij->ji", x),
}
COPIES: dict[str, Callable[[mg.Tensor], mg.Tensor]] = {
    "flip": lambda x: x.flip(0),
    "flip without dims": lambda x: x.flip(()),
    "roll": lambda x: x.roll(0, 0),
    "repeat": lambda x: x.repeat(1, 1),
    "tile": lambda x: x.tile(1),
    "repeat_interleave": lambda x: x.repeat_interleave(1, 0),
    "pad": lambda x: mg.pad(x, (0, 0)),
    "cat": lambda x: mg.cat([x]),
    "diag": lambda x: x.diag(),
    "tril": lambda x: x.tril(9),
    "contiguous": lambda x: x.T.contiguous(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_version(name: str) -> None:
    x = mg.rand(3, 4)
    view = VIEWS[name](x)
    assert np.shares_memory(view.array, x.array)
    assert view.version is x.version


@pytest.mark.parametrize("name", COPIES)
def test_copies_do_not(name: str) -> None:
    x = mg.rand(3, 4)
    copy = COPIES[name](x)
    assert not np.shares_memory(copy.array, x.array)
    assert copy.version is not x.version


@pytest.mark.peer
@pytest.mark.parametrize("name", [*VIEWS, *COPIES])
def test_peer_gives_views_where_minigrad_does(name: str) -> None:
    torch = pytest.importorskip("torch")
    if name in ("view_as", "expand_as", "broadcast_tensors", "meshgrid", "pad", "cat", "einsum"):
        pytest.skip("the function above makes tensors of minigrad")
    x = torch.rand(3, 4)
    for expected, table in ((True, VIEWS), (False, COPIES)):
        if name in table:
            assert np.shares_memory(table[name](x).numpy(), x.numpy()) == expected


def test_a_change_in_a_view_changes_its_base_and_flows_back() -> None:
    x = mg.zeros(3, 3, requires_grad=True)
    y = x * 1
    y.diagonal().add_(mg.tensor([1.0, 2.0, 3.0]))
    first, _ = y.split([1, 2])
    first.mul_(10)
    assert y.tolist() == [[10, 0, 0], [0, 2, 0], [0, 0, 3]]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[10, 10, 10], [1, 1, 1], [1, 1, 1]]


def test_windows_that_overlap_are_read_only_and_others_are_not() -> None:
    x = mg.zeros(5)
    with pytest.raises(RuntimeError, match="add_: this tensor"):
        x.unfold(0, 3, 1).add_(1)
    x.unfold(0, 2, 3).add_(1)
    assert x.tolist() == [1, 1, 0, 1, 1]


def test_flip_and_roll_of_a_scalar_and_empty_shapes() -> None:
    s = mg.tensor(2.0)
    assert [s.flip(0).item(), s.roll(1).item(), s.roll(1, 0).item(), s.movedim(0, 0).item()] == [2.0] * 4
    assert (s.unfold(0, 1, 1).tolist(), s.unfold(0, 0, 1).shape) == ([2.0], (0,))
    assert [piece.shape for piece in mg.zeros(0, 3).chunk(2)] == [(0, 3), (0, 3)]
    assert [piece.shape for piece in mg.zeros(0, 3).split(2)] == [(0, 3)]
    assert [piece.shape for piece in mg.zeros(0).split(0)] == [(0,)]
    assert mg.zeros(0, 2).unbind() == ()
    assert s.repeat_interleave(3).tolist() == s.repeat_interleave(3, dim=0).tolist() == [2.0] * 3
    assert mg.meshgrid() == mg.broadcast_tensors() == ()


def test_sizes_and_dims_are_one_tuple_or_several_ints_or_named() -> None:
    x = mg.arange(6).reshape(2, 3)
    assert x.reshape(3, 2).tolist() == x.reshape((3, 2)).tolist() == mg.reshape(x, shape=[3, 2]).tolist()
    assert x.permute(1, 0).tolist() == x.permute((1, 0)).tolist() == mg.permute(x, dims=(1, 0)).tolist()
    assert x.flip(0, 1).tolist() == x.flip([0, 1]).tolist() == mg.flip(x, dims=(0, 1)).tolist()
    assert x.tile(1, 2).tolist() == x.tile((1, 2)).tolist() == mg.tile(x, dims=(1, 2)).tolist()
    assert mg.tensor(3).reshape().item() == mg.tensor([3]).reshape(()).item() == mg.tensor(3).permute().item() == 3


def test_cat_leaves_out_an_empty_vector_so_that_a_loop_can_start_from_nothing() -> None:
    rows = mg.tensor([])
    for i in range(2):
        rows = mg.cat([rows, mg.full((1, 2), float(i))])
    assert rows.tolist() == [[0, 0], [1, 1]]


def test_integers_and_bools_keep_their_dtype() -> None:
    for dtype in (mg.int64, mg.uint8, mg.bool_):
        x = mg.ones(2, 2, dtype=dtype)
        for out in (x.tril(), x.diag(), x.flip(0), x.repeat(2, 1), mg.pad(x, (1, 1)), x.roll(1), x.diagonal()):
            assert out.dtype == dtype
    assert mg.pad(mg.ones(1, dtype=mg.int64), (1, 0), value=7).tolist() == [7, 1]
    assert mg.ones(2, 2, dtype=mg.int32).trace().dtype == mg.int64


def test_gradient_of_an_element_that_stands_in_several_windows_is_the_sum() -> None:
    x = mg.zeros(5, requires_grad=True)
    x.unfold(0, 3, 1).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 2, 3, 2, 1]


def test_border_made_of_its_own_elements_sends_their_gradients_back() -> None:
    x = mg.zeros(1, 3, requires_grad=True)
    mg.pad(x, (2, 1), mode="replicate").sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[3, 1, 2]]


X, V, S = mg.ones(2, 3, requires_grad=True), mg.ones(3, requires_grad=True), mg.ones((), requires_grad=True)

MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # another arrangement
    (lambda: X.unflatten(1, (2, 2)), ValueError, "unflatten: the 3 elements of shape (3,) do not fill the shape"),
    (lambda: X.unflatten(1, ()), ValueError, "unflatten: no sizes given for dim 1 of shape (2, 3)"),
    (lambda: X.unflatten(2, (1, 1)), IndexError, "unflatten: dim 2 is out of range for 2 dimensions"),
    (lambda: X.reshape_as((2, 3)), TypeError, "reshape_as() expects a Tensor, got tuple"),
    (lambda: X.view_as(V), ValueError, "view: the 6 elements of shape (2, 3) do not fill the shape (3,)"),
    (lambda: X.expand_as(V), ValueError, "expand: (2, 3) does not expand to (3,): only sizes of 1 repeat"),
    (lambda: X.broadcast_to((2, 2)), ValueError, "expand: (2, 3) does not expand to (2, 2)"),
    (lambda: mg.broadcast_tensors(X, mg.ones(2)), ValueError,
     "broadcast_tensors: the shapes (2, 3) and (2,) do not broadcast"),
    # order
    (lambda: X.movedim((0, 0), (0, 1)), ValueError,
     "movedim: source (0, 0) and destination (0, 1) must be as long, and name no dim twice"),
    (lambda: X.movedim((0, 1), 0), ValueError, "movedim: source (0, 1) and destination 0 must be as long"),
    (lambda: X.swapaxes(0, 2), IndexError, "transpose: dim 2 is out of range for 2 dimensions"),
    (lambda: V.mT, ValueError, "mT: takes matrices, this tensor has shape (3,)"),
    (lambda: X.flip(0, 0), ValueError, "flip: dim (0, 0) names a dimension twice"),
    (lambda: X.flip(2), IndexError, "flip: dim 2 is out of range for 2 dimensions (use -2 to 1)"),
    (lambda: X.roll((1, 2)), ValueError, "roll: 2 shifts without dims: name one dim for each"),
    (lambda: X.roll((1, 2), 0), ValueError, "roll: 2 shifts for 1 dims: name one dim for each"),
    (lambda: X.roll(1.5, 0), TypeError, "roll: sizes must be ints"),
    # pieces
    (lambda: S.split(1), ValueError, "split: a tensor without dimensions has no pieces"),
    (lambda: X.split(0), ValueError, "split: dim 0 of shape (2, 3) cannot be cut in pieces of 0"),
    (lambda: X.split(-1), ValueError, "split: dim 0 of shape (2, 3) cannot be cut in pieces of -1"),
    (lambda: X.split([1, 2], 1.5), TypeError, "split: dim must be an int, got float"),
    (lambda: X.split([1, 3], 1), ValueError,
     "split: sizes (1, 3) do not add up to 3, the size of dim 1 of shape (2, 3)"),
    (lambda: X.split([4, -1], 1), ValueError, "split: sizes (4, -1) do not add up to 3"),
    (lambda: X.chunk(0), ValueError, "chunk: a tensor of shape (2, 3) cannot be cut in 0 pieces"),
    (lambda: X.unbind(2), IndexError, "unbind: dim 2 is out of range"),
    (lambda: X.unfold(0, 3, 1), ValueError,
     "unfold: there are no windows of 3, 1 apart, in dim 0, of size 2, of x (2, 3)"),
    (lambda: X.unfold(0, 1, 0), ValueError, "unfold: there are no windows of 1, 0 apart"),
    # repeating
    (lambda: X.repeat(2), ValueError, "repeat: 1 repeats for a tensor of shape (2, 3): one for each dim, or more"),
    (lambda: X.repeat(2, -1), ValueError, "repeat: nothing can be repeated -1 times"),
    (lambda: X.tile(-2), ValueError, "tile: nothing can be repeated -2 times"),
    (lambda: X.repeat_interleave(-1), ValueError, "repeat_interleave: nothing can be repeated -1 times"),
    (lambda: X.repeat_interleave(mg.tensor([1, 2]), dim=1), ValueError,
     "repeat_interleave: repeats of shape (2,) for dim 1 of shape (2, 3): give one number, or 3"),
    (lambda: X.repeat_interleave(mg.tensor([1.5]), dim=1), TypeError,
     "repeat_interleave: repeats must be integers, these are float32"),
    (lambda: X.repeat_interleave(2.5), TypeError, "repeat_interleave: sizes must be ints"),
    (lambda: mg.meshgrid(V, X), ValueError, "meshgrid: takes tensors of one dimension, one has shape (2, 3)"),
    (lambda: mg.meshgrid(V, indexing="yx"), ValueError, "meshgrid: there is no indexing 'yx': use 'ij' or 'xy'"),
    # joining
    (lambda: mg.hstack([]), ValueError, "cat: needs at least one tensor"),
    (lambda: mg.vstack([X, mg.ones(2)]), ValueError,
     "cat: along dim 0, the other sizes of (2, 3), (1, 2) must be equal"),
    (lambda: mg.pad(X, (1,)), ValueError,
     "pad: (1,) for shape (2, 3): two numbers for each dim, from the last one on"),
    (lambda: mg.pad(V, (1, 1, 1, 1)), ValueError, "pad: (1, 1, 1, 1) for shape (3,): two numbers for each dim"),
    (lambda: mg.pad(V, (-2, -2)), ValueError,
     "pad: shape (3,) is too small for a border of (-2, -2) in mode 'constant'"),
    (lambda: mg.pad(V, (3, 0), "reflect"), ValueError,
     "pad: shape (3,) is too small for a border of (3, 0) in mode 'reflect'"),
    (lambda: mg.pad(V, (4, 0), "circular"), ValueError, "pad: shape (3,) is too small for a border of (4, 0)"),
    (lambda: mg.pad(mg.zeros(0), (1, 0), "replicate"), ValueError, "pad: shape (0,) is too small"),
    (lambda: F.pad(V, (1, 1), "mirror"), ValueError,
     "pad: there is no mode 'mirror': use 'constant', 'reflect', 'replicate', 'circular'"),
    (lambda: F.pad(V, (1, 1), "reflect", 2.0), ValueError, "pad: mode 'reflect' has no use for the value 2.0"),
    (lambda: mg.pad(mg.ones(2, dtype=mg.int8), (1, 1), value=300), OverflowError,
     "pad: the number 300 does not fit into int8"),
    # diagonals
    (lambda: V.diagonal(), IndexError, "diagonal: dim 1 is out of range for 1 dimensions"),
    (lambda: X.diagonal(0, 1, -1), ValueError, "diagonal: dim1 1 and dim2 -1 of shape (2, 3) are the same"),
    (lambda: S.diag(), ValueError, "diag: takes a tensor of one or two dimensions, this one has shape ()"),
    (lambda: V.trace(), ValueError, "trace: takes a matrix, this tensor has shape (3,)"),
    (lambda: V.tril(), ValueError, "tril: takes matrices, this tensor has shape (3,)"),
    (lambda: X.triu(0.5), TypeError, "triu: sizes must be ints"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "text"), MISTAKES, ids=[text[:50] for _, _, text in MISTAKES])
def test_mistake_is_refused_before_anything_runs(
    mistake: Callable[[], Any], error: type[Exception], text: str
) -> None:
    ran: list[str] = []
    with observe(lambda op, inputs, out, seconds: ran.append(op.title)), pytest.raises(error) as caught:
        mistake()
    assert str(caught.value).startswith(text)
    assert set(ran) <= {"Reshape"}  # views only


@pytest.mark.parametrize("k", [2**63 - 1, 2**63, -(2**63), -(2**80)])
def test_a_diagonal_far_outside_leaves_all_or_nothing(k: int) -> None:
    x = mg.ones(2, 3)
    assert (x.triu(k).sum().item(), x.tril(k).sum().item()) == ((0, 6) if k > 0 else (6, 0))
