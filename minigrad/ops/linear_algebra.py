"""Linear algebra: matrix products, and the layer that is one with a bias."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array, Dims
from minigrad.ops.arithmetic import add, mul, times
from minigrad.ops.operands import Number, broadcast, tensor
from minigrad.ops.reduction import Sum
from minigrad.ops.shape import reshape

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["addmm", "baddbmm", "bmm", "dot", "linear", "matmul", "mm", "mv", "outer"]


class MatMul(Op):
    """out = x @ y

    dout/dx = y^T
    dout/dy = x^T
    """

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.matmul(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        x, y = self.x, self.y
        if x.ndim == 1:  # a row
            x, dout = x.unsqueeze(0), dout.unsqueeze(-1 if y.ndim == 1 else -2)
        if y.ndim == 1:  # a column
            y, dout = y.unsqueeze(1), dout.unsqueeze(-1)
        dx = dy = None
        if self.wants("x"):
            dx = dout @ y.transpose(-2, -1)  # (..., M, N) @ (..., N, K)
        if self.wants("y"):
            dy = x.transpose(-2, -1) @ dout  # (..., K, M) @ (..., M, N)
        if dx is not None and self.x.ndim == 1:
            dx = dx.squeeze(-2)
        if dy is not None and self.y.ndim == 1:
            dy = dy.squeeze(-1)
        return dx, dy

    def flops(self, *shapes: Dims) -> int:
        x, y = shapes
        batch = math.prod(broadcast("matmul", x[:-2], y[:-2]))
        return 2 * batch * math.prod(x[-2:]) * (y[-1] if len(y) > 1 else 1)


class Linear(Op):
    """z = x W^T + b

    dz/dx = W
    dz/dW = x
    dz/db = 1
    """

    x = Kept()
    W = Kept()
    output = "z"

    def forward(self, kernels: Any, x: Array, W: Array, b: Array | None = None) -> Any:
        return kernels.linear(x, W, b)

    def backward(self, dz: Tensor) -> Gradients:
        x, W = self.x, self.W
        dx = dW = db = None
        if self.wants("x"):
            dx = record(MatMul(), dz, W)  # (..., d_out) @ (d_out, d_in)
        if self.wants("W"):
            dW = record(LinearWeightBackward(), dz, x)
        if self.wants("b"):
            over = tuple(range(dz.ndim - 1))
            db = record(Sum(over, False), dz) if over else dz  # (..., d_out) -> (d_out,)
        return (dx, dW, db)[: len(self.edges)]

    def flops(self, *shapes: Dims) -> int:
        x, W = shapes[:2]
        return 2 * math.prod(x[:-1]) * math.prod(W)


class LinearWithoutBias(Linear):
    """z = x W^T

    dz/dx = W
    dz/dW = x
    """

    title = "Linear"


class LinearWeightBackward(Op):
    """dW = dz^T x        over the batch"""

    output = "dW"
    dz = Kept()
    x = Kept()

    def forward(self, kernels: Any, dz: Array, x: Array) -> Any:
        if x.ndim != 2:
            B = math.prod(x.shape[:-1])
            dz, x = kernels.reshape(dz, (B, dz.shape[-1])), kernels.reshape(x, (B, x.shape[-1]))
        return kernels.matmul(kernels.permute(dz, (1, 0)), x)  # (d_out, B) @ (B, d_in)

    def backward(self, g: Tensor) -> Gradients:
        ddz = linear(self.x, g) if self.wants("dz") else None  # (..., d_in) @ (d_out, d_in)^T
        return ddz, self.dz @ g if self.wants("x") else None

    def flops(self, *shapes: Dims) -> int:
        dz, x = shapes
        return 2 * math.prod(dz) * x[-1]


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Matrix product ``out = x @ y``: ``(..., M, K) @ (..., K, N) -> (..., M, N)``, batches broadcast.

    A 1-D ``x`` is a row, a 1-D ``y`` a column, and that dimension is left out of the result.
    ``dx = dout @ y^T``, ``dy = x^T @ dout``. Raises ValueError for shapes that do not fit, TypeError for two
    dtypes.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0, 2.0]]) @ mg.tensor([[3.0], [4.0]])
    tensor([[11.]])
    """
    left, right = tensor("matmul", x).array.shape, tensor("matmul", y).array.shape
    if not left or not right:
        raise ValueError(f"matmul: {left} @ {right}: a tensor without dimensions is not a matrix, use *")
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        raise ValueError(
            f"matmul: {left} @ {right}: the last size of the first, {left[-1]}, and the "
            f"{'second-last' if len(right) > 1 else 'only'} of the second, {inner}, must be equal"
        )
    if left[:-2] != right[:-2]:
        broadcast("matmul, batch dimensions", left[:-2], right[:-2])
    one_dtype("matmul", x, y)
    return record(MatMul(), x, y)


def dot(x: Tensor, y: Tensor) -> Tensor:
    """:func:`matmul` of two vectors, ``out = sum_k x_k y_k``: ``(K,), (K,) -> ()``. Takes no other shapes.

    >>> import minigrad as mg
    >>> mg.dot(mg.tensor([1.0, 2.0]), mg.tensor([3.0, 4.0]))
    tensor(11.)
    """
    return _strict_product("dot", x, y, "(K,) @ (K,)")


def mv(x: Tensor, y: Tensor) -> Tensor:
    """:func:`matmul` of a matrix and a vector: ``(M, K) @ (K,) -> (M,)``. Takes no other shapes.

    >>> import minigrad as mg
    >>> mg.mv(mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    return _strict_product("mv", x, y, "(M, K) @ (K,)")


def mm(x: Tensor, y: Tensor) -> Tensor:
    """:func:`matmul` of two matrices: ``(M, K) @ (K, N) -> (M, N)``. Takes no other shapes.

    >>> import minigrad as mg
    >>> mg.mm(mg.tensor([[1.0, 2.0]]), mg.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    return _strict_product("mm", x, y, "(M, K) @ (K, N)")


def bmm(x: Tensor, y: Tensor) -> Tensor:
    """:func:`matmul` of two batches of matrices: ``(B, M, K) @ (B, K, N) -> (B, M, N)``. Takes no other shapes.

    >>> import minigrad as mg
    >>> mg.bmm(mg.ones(2, 1, 3), mg.ones(2, 3, 1)).shape
    (2, 1, 1)
    """
    return _strict_product("bmm", x, y, "(B, M, K) @ (B, K, N)")


def _strict_product(name: str, x: Tensor, y: Tensor, form: str) -> Tensor:
    """``x @ y`` for shapes of one form alone, in which a letter stands for one size."""
    left, right = tensor(name, x).array.shape, tensor(name, y).array.shape
    wanted = [side.strip("(,) ").replace(",", "").split() for side in form.split("@")]
    sizes: dict[str, int] = {}
    for letters, shape in zip(wanted, (left, right), strict=True):
        fits = len(letters) == len(shape) and all(
            sizes.setdefault(letter, n) == n for letter, n in zip(letters, shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{name}: {left} @ {right}: the shapes must be {form}; matmul() takes others")
    one_dtype(name, x, y)
    return record(MatMul(), x, y)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """``out = beta input + alpha (mat1 @ mat2)`` of matrices: ``(M, N), (M, K), (K, N) -> (M, N)``.

    ``input`` broadcasts to (M, N), and is left out where ``beta`` is 0, whatever it holds. Raises ValueError for
    other shapes, TypeError for two dtypes, or for fractions as factors of integers.

    >>> import minigrad as mg
    >>> mg.addmm(mg.tensor([0.5]), mg.tensor([[1.0, 2.0]]), mg.tensor([[3.0], [4.0]]), beta=2)
    tensor([[12.]])
    """
    return _added("addmm", input, _strict_product("addmm", mat1, mat2, "(M, K) @ (K, N)"), beta, alpha)


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """:func:`addmm` of batches of matrices: ``(B, M, N), (B, M, K), (B, K, N) -> (B, M, N)``.

    >>> import minigrad as mg
    >>> mg.baddbmm(mg.zeros(3), mg.ones(2, 1, 4), mg.ones(2, 4, 3), alpha=0.5).shape
    (2, 1, 3)
    """
    return _added(
        "baddbmm", input, _strict_product("baddbmm", batch1, batch2, "(B, M, K) @ (B, K, N)"), beta, alpha
    )


def _added(name: str, x: Tensor, product: Tensor, beta: Number, alpha: Number) -> Tensor:
    if broadcast(name, tensor(name, x).shape, product.shape) != product.shape:
        raise ValueError(f"{name}: an input of shape {x.shape} does not fit a product of shape {product.shape}")
    one_dtype(name, x, product)
    if beta == 0:
        return times(name, alpha, product)
    return add(x if beta == 1 else times(name, beta, x), product, alpha=alpha)


def outer(x: Tensor, y: Tensor) -> Tensor:
    """Every product of two vectors' elements, ``out_ij = x_i y_j``: ``(M,), (N,) -> (M, N)``.

    Raises ValueError for anything but vectors.

    >>> import minigrad as mg
    >>> mg.outer(mg.tensor([1, 2]), mg.tensor([3, 4, 5]))
    tensor([[ 3,  4,  5],
            [ 6,  8, 10]])
    """
    if not tensor("outer", x).ndim == 1 == tensor("outer", y).ndim:
        raise ValueError(f"outer: takes two vectors, got the shapes {x.shape} and {y.shape}")
    return mul(reshape(x, x.numel(), 1), y)


def linear(x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
    """A linear layer, ``z = x W^T + b``: ``(..., d_in), (d_out, d_in), (d_out,) -> (..., d_out)``.

    ``dx = dz W``, ``dW = dz^T x`` and ``db = sum dz``, the last two over the batch. Raises ValueError for
    shapes that do not fit, TypeError for mixed dtypes.

    >>> import minigrad as mg
    >>> mg.linear(mg.tensor([[1.0, 2.0]]), mg.tensor([[3.0, 4.0]]), mg.tensor([0.5]))
    tensor([[11.5000]])
    """
    try:
        left, right = x.array, W.array
        d_out, d_in = right.shape
        fits = left.shape[-1] == d_in and left.dtype == right.dtype
        if b is not None:
            added = b.array
            fits = fits and added.shape == (d_out,) and added.dtype == right.dtype
    except (AttributeError, IndexError, ValueError):  # not a tensor, a number, not a matrix
        fits = False
    if not fits:
        raise _no_layer(x, W, b)
    return record(LinearWithoutBias(), x, W) if b is None else record(Linear(), x, W, b)


def _no_layer(x: Any, W: Any, b: Any) -> ValueError:
    """Why they are no linear layer; raised here where a type is wrong."""
    inputs = [tensor("linear", t) for t in ((x, W) if b is None else (x, W, b))]
    if W.ndim == 2 and x.shape[-1:] == W.shape[1:] and (b is None or b.shape == W.shape[:1]):
        one_dtype("linear", *inputs)
    with_b = "" if b is None else f" and b {b.shape}"
    return ValueError(
        f"linear: x {x.shape} does not fit W {W.shape}{with_b}: "
        "they must be (..., d_in), (d_out, d_in) and (d_out,)"
    )


def one_dtype(name: str, *tensors: Tensor) -> None:
    """Raise TypeError where the tensors have several dtypes."""
    dtype = tensors[0].array.dtype
    for t in tensors:
        if t.array.dtype != dtype:
            raise TypeError(f"{name}: the dtypes {', '.join(t.dtype.name for t in tensors)} must be equal")
