"""The table of operations: what each computes, on which samples, and what NumPy says.

A row is one way of calling one operation. ``function`` takes a module first, so that the same call runs on
minigrad and on PyTorch, whose names minigrad has. Samples are float64 arrays of edge shapes and layouts; their
values are distinct and keep away from 0, so that no difference quotient steps over a kink or a tie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.ops.loss import BinaryCrossEntropy, BinaryCrossEntropyWithLogits

Array = np.ndarray[Any, Any]
Sample = tuple[Array, ...]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One way of calling one operation."""

    name: str  # as in minigrad.ops.__all__
    label: str
    function: Callable[..., Any]  # (module, *tensors) -> tensor
    reference: Callable[..., Any]  # (*arrays) -> array
    samples: Sequence[Sample]
    differentiable: bool = True
    has_peer: bool = True  # whether PyTorch has the function under the same name

    def __str__(self) -> str:
        return f"{self.name}-{self.label}" if self.label else self.name

    def small_samples(self) -> Iterator[Sample]:
        """Those small enough for dense numerical derivatives."""
        return (sample for sample in self.samples if sum(array.size for array in sample) <= 30)


# -- samples --------------------------------------------------------------------------------------------------

_rng = np.random.default_rng(2)


def positive(shape: Shape = ()) -> Array:
    """Distinct numbers from 0.2 to 2, in random order."""
    return _rng.permutation(np.linspace(0.2, 2.0, math.prod(shape))).reshape(shape)


def real(shape: Shape = ()) -> Array:
    """The same, with random signs."""
    return np.asarray(positive(shape) * _rng.choice([-1.0, 1.0], shape))


def probability(shape: Shape = ()) -> Array:
    """Distinct numbers from 0.1 to 0.9."""
    return _rng.permutation(np.linspace(0.1, 0.9, math.prod(shape))).reshape(shape)


def one(make: Callable[[Shape], Array], *shapes: Shape) -> list[Sample]:
    """Samples of one operand."""
    return [(make(shape),) for shape in shapes]


def elementwise(make: Callable[[Shape], Array]) -> list[Sample]:
    """One operand in every shape and layout that an elementwise kernel may meet."""
    return [
        *one(make, (), (0,), (1,), (5,), (2, 3), (2, 0, 3), (1, 1, 1), (2, 1, 3), (33, 17), (1030,)),
        (make((3, 2)).T,),
        (make((4,))[::-1],),
        (make((2, 6))[:, ::2],),
        (make((2, 3, 2)).transpose(2, 0, 1),),
        (np.broadcast_to(make((3,)), (2, 3)),),
    ]


def broadcasting(make_x: Callable[[Shape], Array], make_y: Callable[[Shape], Array]) -> list[Sample]:
    """Two operands whose shapes broadcast in every way."""
    shapes: list[tuple[Shape, Shape]] = [
        ((), ()), ((3,), ()), ((), (3,)), ((1,), (1,)), ((0,), (1,)), ((0, 3), (3,)), ((2, 3), (2, 3)),
        ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((2, 1, 3), (2, 1)),
        ((33, 17), (17,)), ((33, 1), (33, 17)),
    ]  # fmt: skip
    return [
        *[(make_x(x), make_y(y)) for x, y in shapes],
        (make_x((3, 2)).T, make_y((2, 3))),
        (make_x((2, 3))[:, ::-1], make_y((6,))[::2]),
    ]


REDUCED = [
    *one(real, (2, 3), (2, 3, 2), (1, 4), (33, 17)),
    (real((3, 2)).T,),
    (real((2, 6))[::-1, ::2],),
]
ANY_SHAPE = one(real, (), (0,), (1,), (5,), (2, 0, 3), (1030,)) + REDUCED

# -- reference formulas ---------------------------------------------------------------------------------------


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[x.dtype])(x))


def gelu(z: Array) -> Array:
    return z / 2 * (1 + erf(z / np.sqrt(2).astype(z.dtype)))


def softmax(z: Array, dim: int) -> Array:
    e = np.exp(z - z.max(dim, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(dim, keepdims=True))


def logsumexp(x: Array, dims: Any, keepdim: bool = False) -> Array:
    return np.asarray(np.log(np.exp(x).sum(dims, keepdims=keepdim)))


def linear(x: Array, W: Array, b: Array | float = 0.0) -> Array:
    return np.asarray(x @ W.T + b)


# -- the table ------------------------------------------------------------------------------------------------

UNARY = [
    Row("neg", "", lambda m, x: m.neg(x), np.negative, elementwise(real)),
    Row("neg", "operator", lambda m, x: -x, np.negative, elementwise(real)),
    Row("abs", "", lambda m, x: m.abs(x), np.abs, elementwise(real)),
    Row("abs", "operator", lambda m, x: abs(x), np.abs, elementwise(real)),
    Row("exp", "", lambda m, x: m.exp(x), np.exp, elementwise(real)),
    Row("log", "", lambda m, x: m.log(x), np.log, elementwise(positive)),
    Row("sqrt", "", lambda m, x: m.sqrt(x), np.sqrt, elementwise(positive)),
    Row("clone", "", lambda m, x: m.clone(x), np.array, elementwise(real)),
    Row("relu", "", lambda m, z: m.relu(z), lambda z: np.maximum(z, 0), elementwise(real)),
    Row("sigmoid", "", lambda m, z: m.sigmoid(z), sigmoid, elementwise(real)),
    Row("tanh", "", lambda m, z: m.tanh(z), np.tanh, elementwise(real)),
    Row("gelu", "", lambda m, z: m.nn.functional.gelu(z), gelu, elementwise(real)),
    Row("erf", "", lambda m, x: m.erf(x), erf, elementwise(real)),
]

BINARY = [
    Row("add", "", lambda m, x, y: m.add(x, y), np.add, broadcasting(real, real)),
    Row("add", "operator", lambda m, x, y: x + y, np.add, broadcasting(real, real)),
    Row("add", "number", lambda m, x: 1.5 + x + 2, lambda x: x + 3.5, elementwise(real)),
    Row("sub", "", lambda m, x, y: m.sub(x, y), np.subtract, broadcasting(real, real)),
    Row("sub", "operator", lambda m, x, y: x - y, np.subtract, broadcasting(real, real)),
    Row("sub", "number", lambda m, x: 1.5 - (x - 2), lambda x: 3.5 - x, elementwise(real)),
    Row("mul", "", lambda m, x, y: m.mul(x, y), np.multiply, broadcasting(real, real)),
    Row("mul", "operator", lambda m, x, y: x * y, np.multiply, broadcasting(real, real)),
    Row("mul", "number", lambda m, x: 1.5 * x * 2, lambda x: x * 3, elementwise(real)),
    Row("mul", "by itself", lambda m, x: x * x, lambda x: x * x, elementwise(real)),
    Row("div", "", lambda m, x, y: m.div(x, y), np.divide, broadcasting(real, real)),
    Row("div", "operator", lambda m, x, y: x / y, np.divide, broadcasting(real, real)),
    Row("div", "number", lambda m, x: 1.5 / (x / 2), lambda x: 3 / x, elementwise(real)),
    Row("pow", "", lambda m, x, y: m.pow(x, y), np.power, broadcasting(positive, real)),
    Row("pow", "operator", lambda m, x, y: x**y, np.power, broadcasting(positive, real)),
    Row("pow", "number", lambda m, x: x**3, lambda x: x**3, elementwise(real)),
    Row("pow", "square", lambda m, x: m.pow(x, 2), np.square, elementwise(real)),
    Row("pow", "first", lambda m, x: x**1, np.array, elementwise(real)),
    Row("pow", "zeroth", lambda m, x: x**0, np.ones_like, elementwise(real)),
    Row("pow", "fraction", lambda m, x: x**-0.5, lambda x: x**-0.5, elementwise(positive)),
    Row("pow", "of a number", lambda m, x: 2**x, lambda x: 2.0**x, elementwise(real)),
    *[
        Row(name, label, function, getattr(np, word), broadcasting(real, real), differentiable=False)
        for name, word, operator in [
            ("eq", "equal", lambda m, x, y: x == y),
            ("ne", "not_equal", lambda m, x, y: x != y),
            ("lt", "less", lambda m, x, y: x < y),
            ("le", "less_equal", lambda m, x, y: x <= y),
            ("gt", "greater", lambda m, x, y: x > y),
            ("ge", "greater_equal", lambda m, x, y: x >= y),
        ]
        for label, function in [("", lambda m, x, y, name=name: getattr(m, name)(x, y)), ("operator", operator)]
    ],
    Row("lt", "number", lambda m, x: x < 0.5, lambda x: x < 0.5, elementwise(real), differentiable=False),
]

REDUCTIONS = [
    Row("sum", "", lambda m, x: m.sum(x), np.sum, ANY_SHAPE),
    Row("sum", "dim", lambda m, x: m.sum(x, 1), lambda x: x.sum(1), REDUCED + one(real, (0, 2), (2, 0))),
    Row(
        "sum", "first dim", lambda m, x: x.sum(dim=0, keepdim=True), lambda x: x.sum(0, keepdims=True),
        REDUCED,
    ),
    Row("sum", "dims", lambda m, x: m.sum(x, (0, -1)), lambda x: x.sum((0, -1)), REDUCED),
    Row("mean", "", lambda m, x: m.mean(x), np.mean, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("mean", "dim", lambda m, x: m.mean(x, -1), lambda x: x.mean(-1), REDUCED + one(real, (0, 2))),
    Row(
        "mean", "keepdim", lambda m, x: x.mean((0, 1), True), lambda x: x.mean((0, 1), keepdims=True),
        REDUCED,
    ),
    Row("max", "", lambda m, x: m.max(x), np.max, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("max", "dim", lambda m, x: m.max(x, 1)[0], lambda x: x.max(1), REDUCED + one(real, (0, 2))),
    Row("max", "keepdim", lambda m, x: x.max(0, True).values, lambda x: x.max(0, keepdims=True), REDUCED),
    Row(
        "max", "indices", lambda m, x: m.max(x, 0).indices, lambda x: x.argmax(0),
        REDUCED, differentiable=False,
    ),
    Row("max", "of a scalar", lambda m, x: m.max(x, 0).values, lambda x: x, one(real, ())),
    Row("min", "", lambda m, x: m.min(x), np.min, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("min", "dim", lambda m, x: m.min(x, -1)[0], lambda x: x.min(-1), REDUCED + one(real, (0, 2))),
    Row(
        "min", "indices", lambda m, x: x.min(1).indices, lambda x: x.argmin(1),
        REDUCED, differentiable=False,
    ),
    Row(
        "argmax", "", lambda m, x: m.argmax(x), np.argmax,
        one(real, (), (1,)) + REDUCED, differentiable=False,
    ),
    Row(
        "argmax", "keepdim", lambda m, x: x.argmax(1, True), lambda x: x.argmax(1, keepdims=True), REDUCED,
        differentiable=False,
    ),
    Row(
        "argmin", "", lambda m, x: m.argmin(x), np.argmin,
        one(real, (), (1,)) + REDUCED, differentiable=False,
    ),
    Row(
        "argmin", "dim", lambda m, x: m.argmin(x, dim=0), lambda x: x.argmin(0),
        REDUCED, differentiable=False,
    ),
    Row(
        "logsumexp", "", lambda m, x: m.logsumexp(x, 0), lambda x: logsumexp(x, 0),
        REDUCED + one(real, (1,), (2, 0)),
    ),
    Row(
        "logsumexp", "dims", lambda m, x: m.logsumexp(x, (0, 1), True), lambda x: logsumexp(x, (0, 1), True),
        REDUCED,
    ),
    Row(
        "softmax", "", lambda m, z: m.softmax(z, 1), lambda z: softmax(z, 1),
        REDUCED + one(real, (0, 2), (2, 0)),
    ),
    Row(
        "softmax", "first dim", lambda m, z: z.softmax(dim=0), lambda z: softmax(z, 0),
        REDUCED + one(real, (5,)),
    ),
    Row("softmax", "of a scalar", lambda m, z: m.softmax(z, 0), np.ones_like, one(real, ())),
    Row("log_softmax", "", lambda m, z: m.log_softmax(z, -1), lambda z: np.log(softmax(z, -1)), REDUCED),
    Row("log_softmax", "of a scalar", lambda m, z: m.log_softmax(z, -1), np.zeros_like, one(real, ())),
    Row("log_softmax", "first dim", lambda m, z: z.log_softmax(0), lambda z: np.log(softmax(z, 0)), REDUCED),
    Row(
        "sum_to_size", "", lambda m, x: x.sum_to_size(1, 3), lambda x: x.sum(0, keepdims=True),
        one(real, (2, 3), (0, 3)),
    ),
    Row("sum_to_size", "nothing", lambda m, x: x.sum_to_size((2, 3)), np.array, one(real, (2, 3))),
    Row("sum_to_size", "scalar", lambda m, x: x.sum_to_size(()), np.sum, one(real, (2, 3), (1,), ())),
]  # fmt: skip

MATRICES = [
    (real((2, 3)), real((3, 4))),
    (real((1, 1)), real((1, 1))),
    (real((0, 3)), real((3, 2))),
    (real((2, 0)), real((0, 3))),
    (real((2, 3)), real((3, 0))),
    (real((3,)), real((3,))),
    (real((3,)), real((3, 2))),
    (real((2, 3)), real((3,))),
    (real((2, 2, 3)), real((3,))),
    (real((3,)), real((2, 3, 2))),
    (real((2, 1, 2)), real((2, 3))),
    (real((2, 1, 2, 1)), real((2, 1, 2))),
    (real((3, 2)).T, real((4, 3)).T),
    (real((2, 3))[::-1], real((3, 8))[:, ::-2]),
    (real((33, 17)), real((17, 9))),
]

LAYERS = [
    (real((2, 3)), real((4, 3)), real((4,))),
    (real((3,)), real((2, 3)), real((2,))),
    (real((2, 2, 3)), real((1, 3)), real((1,))),
    (real((0, 3)), real((2, 3)), real((2,))),
    (real((2, 0)), real((3, 0)), real((3,))),
    (real((2, 3)), real((0, 3)), real((0,))),
    (real((3, 2)).T, real((3, 4)).T, real((8,))[::-2]),
    (real((33, 17)), real((9, 17)), real((9,))),
]

LINEAR = [
    Row("matmul", "", lambda m, x, y: m.matmul(x, y), np.matmul, MATRICES),
    Row("matmul", "operator", lambda m, x, y: x @ y, np.matmul, MATRICES),
    Row("linear", "", lambda m, x, W, b: m.linear(x, W, b), linear, LAYERS),
    Row("linear", "no bias", lambda m, x, W: m.linear(x, W), linear, [sample[:2] for sample in LAYERS]),
]

MATRIX = [*one(real, (2, 3), (0, 3), (33, 17)), (real((3, 2)).T,), (real((2, 6))[::-1, ::-2],)]
MASK = np.array([[True, False, True], [False, False, True]])

SHAPES = [
    Row("reshape", "", lambda m, x: m.reshape(x, (3, -1)), lambda x: x.reshape(3, -1), MATRIX),
    Row(
        "reshape", "scalar", lambda m, x: x.reshape(()), lambda x: x.reshape(()),
        one(real, (), (1,), (1, 1)),
    ),
    Row("view", "", lambda m, x: x.view(-1), lambda x: x.reshape(-1), one(real, (), (2, 3), (0, 3))[:2]),
    Row("flatten", "", lambda m, x: m.flatten(x), np.ravel, [*MATRIX, (real(()),)]),
    Row("flatten", "end", lambda m, x: m.flatten(x, 1), lambda x: x.reshape(2, 6), one(real, (2, 3, 2))),
    Row(
        "permute", "", lambda m, x: m.permute(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1),
        one(real, (2, 3, 4), (0, 1, 2)),
    ),
    Row("transpose", "", lambda m, x: m.transpose(x, 0, -1), lambda x: x.T, MATRIX),
    Row("permute", "T", lambda m, x: x.T, lambda x: x.T, MATRIX),
    Row("squeeze", "", lambda m, x: m.squeeze(x), np.squeeze, one(real, (), (1, 3, 1), (2, 3), (1, 0))),
    Row("squeeze", "dim", lambda m, x: m.squeeze(x, 0), lambda x: x.reshape(3, 1), one(real, (1, 3, 1))),
    Row("unsqueeze", "", lambda m, x: m.unsqueeze(x, -1), lambda x: x[..., None], [*MATRIX, (real(()),)]),
    Row(
        "expand", "", lambda m, x: x.expand(2, -1, 3), lambda x: np.broadcast_to(x, (2, 2, 3)),
        one(real, (2, 3), (2, 1)),
    ),
    Row(
        "expand", "from a scalar", lambda m, x: x.expand(2, 0), lambda x: np.broadcast_to(x, (2, 0)),
        one(real, (), (1,)),
    ),
    Row(
        "cat", "", lambda m, x, y: m.cat([x, y]), lambda x, y: np.concatenate([x, y]),
        [(real((2, 3)), real((1, 3))), (real((0,)), real((2,))), (real((3, 2)).T, real((2, 3))[::-1])],
    ),
    Row(
        "cat", "dim", lambda m, x, y: m.cat((x, y, x), dim=-1), lambda x, y: np.concatenate([x, y, x], -1),
        [(real((2, 3)), real((2, 1))), (real((2, 0)), real((2, 1)))],
    ),
    Row(
        "stack", "", lambda m, x, y: m.stack([x, y, x], -1), lambda x, y: np.stack([x, y, x], -1),
        [(real(s), real(s)) for s in [(), (2, 3), (0,)]] + [(real((3, 2)).T, real((2, 3)))],
    ),
    Row("index", "int", lambda m, x: x[1], lambda x: x[1], one(real, (2, 3), (2,), (33, 17))),
    Row(
        "index", "slices", lambda m, x: x[..., 1:, None, ::2], lambda x: x[..., 1:, None, ::2],
        one(real, (2, 3), (2, 2, 3)),
    ),
    Row("index", "mask", lambda m, x: x[m.tensor(MASK)], lambda x: x[MASK], one(real, (2, 3), (2, 3, 2))),
    Row(
        "index", "repeated", lambda m, x: x[[1, 0, 1, 1]], lambda x: x[[1, 0, 1, 1]],
        one(real, (2, 3), (2,)),
    ),
    Row(
        "index", "pairs", lambda m, x: x[[0, 1, 0], [2, -1, 2]], lambda x: x[[0, 1, 0], [2, -1, 2]],
        one(real, (2, 3)),
    ),
    Row(
        "index", "mixed", lambda m, x: x[:, m.tensor([1, 1]), 0], lambda x: x[:, [1, 1], 0],
        one(real, (1, 2, 2)),
    ),
    Row(
        "index", "apart", lambda m, x: x[0, :, m.tensor([1, 1])], lambda x: x[0, :, [1, 1]], one(real, (1, 3, 2)),
        has_peer=False,  # PyTorch takes the int first and so leaves the new dim where the array stood
    ),
]  # fmt: skip

LOSSES = [
    Row(
        "bce", "", lambda m, p, y: m.record(BinaryCrossEntropy(), p, y),
        lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)), broadcasting(probability, probability)[6:7],
        has_peer=False,
    ),
    Row(
        "bce_with_logits", "", lambda m, z, y: m.record(BinaryCrossEntropyWithLogits(), z, y),
        lambda z, y: np.log1p(np.exp(z)) - z * y, broadcasting(real, probability)[6:7], has_peer=False,
    ),
    Row("to", "", lambda m, x: x.to(m.float64) * 1, np.array, elementwise(real)),
]  # fmt: skip

TABLE = [*UNARY, *BINARY, *REDUCTIONS, *LINEAR, *SHAPES, *LOSSES]
DIFFERENTIABLE = [row for row in TABLE if row.differentiable]


def tensors(sample: Sample, dtype: Any = np.float64, *, requires_grad: bool = True) -> list[mg.Tensor]:
    """The sample's arrays as leaves, in their own layout."""
    found = []
    for array in sample:
        if array.dtype != dtype:
            array = array.astype(dtype, order="K")
        found.append(mg.from_numpy(array).requires_grad_(requires_grad))
    return found
