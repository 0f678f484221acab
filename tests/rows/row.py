"""A row of the table of operations: one way of calling one operation, on which samples, and what NumPy says.

``function`` takes a module first, so that the same call runs on
minigrad and on PyTorch, whose names minigrad has. Samples are float64 arrays of edge shapes and layouts; their
values are distinct and keep away from 0, so that no difference quotient steps over a kink or a tie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    dtype: str | None = None  # of the result, where it is not that of the floats
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


# Hundreds of numbers have one sign: where they cancel, how exact a sum is depends on the width of vectors
REDUCED = [
    *one(real, (2, 3), (2, 3, 2), (1, 4)),
    (np.abs(real((33, 17))),),
    (real((3, 2)).T,),
    (real((2, 6))[::-1, ::2],),
]
ANY_SHAPE = [*one(real, (), (0,), (1,), (5,), (2, 0, 3)), (np.abs(real((1030,))),), *REDUCED]
MATRIX = [*one(real, (2, 3), (0, 3), (33, 17)), (real((3, 2)).T,), (real((2, 6))[::-1, ::-2],)]
