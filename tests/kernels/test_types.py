"""What machine code is given is what it was compiled for: it looks at the head of each array itself."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from minigrad.kernels.cpu.compile import straight
from minigrad.kernels.cpu.memory import reads, writes
from minigrad.kernels.cpu.threads import Kernel

pytestmark = pytest.mark.compiled

FLOAT32, INT64 = np.dtype(np.float32), np.dtype(np.int64)


def taking(*kinds: Any) -> Any:
    """A kernel of which only the way to its arguments counts."""
    return Kernel("taking", lambda x, part, parts: None, kinds)


def test_machine_code_refuses_what_does_not_fit() -> None:
    x = np.ones((4, 6), np.float32)
    i = np.ones((2, 3), np.int64)
    no_arrays = (
        np.float32(1),
        1.0,
        None,
        [1.0],
        "x",
        np.ma.ones(3, np.float32),
        np.ones((2, 2), np.float32).view(np.matrix),
    )
    swapped = x.astype(x.dtype.newbyteorder())
    for kernel, fitting, wrong in (
        (taking(reads(FLOAT32)), (x, x[0], x[:0], x[0, 0].reshape(()), x[1:]), (x.T, x[:, ::2], x[::-1])),
        (taking(reads(FLOAT32, 2, "A")), (x, x.T, x[::-1, ::2]), (x[0], x[None])),
        (taking(writes(FLOAT32, 2)), (x, x[1:]), (x[0], x.T, x[:, ::2])),
        (taking(reads(INT64)), (i, i.astype(np.longlong)), (i.astype(np.uint64), i.astype(np.int32), i * 1.0)),
    ):
        for given in fitting:
            kernel.piece(np.asarray(given), 0, 1)
            kernel(0, pickle.loads(pickle.dumps(np.ascontiguousarray(given))).reshape(np.shape(given)))
        for given in (
            *wrong,
            *no_arrays,
            swapped,
            np.ones((2, 3)),
            np.ones((2, 3), bool),
            np.ones((2, 3), np.int32),
        ):
            with pytest.raises(BufferError, match=r"does not fit .*array\((float32|int64), [12]d, [AC]\)"):
                kernel.piece(given, 0, 1)


def test_an_array_of_any_shape_is_its_elements() -> None:
    def add_up(x: Any, out: Any, part: int, parts: int) -> None:
        for i in range(x.size):
            out[0] += x[i]

    kernel = Kernel("add_up", add_up, (reads(FLOAT32), writes(FLOAT32)))
    for shape in ((), (0,), (7,), (2, 3), (2, 0, 3), (2, 3, 1, 4)):
        x, out = np.arange(math.prod(shape), dtype=np.float32).reshape(shape), np.zeros((1, 1), np.float32)
        straight(kernel.compiled)(x, out, 0, 1)
        assert out[0, 0] == x.sum()
