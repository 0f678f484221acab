"""Random tensors, all from one generator, which :func:`manual_seed` starts anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.creation import Size, integer, new, size_of
from minigrad.ops.operands import tensor as check_tensor
from minigrad.tensor import Tensor

_generator = np.random.default_rng()


def manual_seed(seed: int) -> None:
    """Start the random numbers anew: the same seed gives the same numbers, on every machine.

    Raises TypeError for what is no int, ValueError for a negative one.

    >>> manual_seed(0)
    >>> first = rand(3)
    >>> manual_seed(0)
    >>> bool((rand(3) == first).min())
    True
    """
    global _generator
    start = integer("manual_seed", seed)
    if start < 0:
        raise ValueError(f"manual_seed: the seed must not be negative, got {start}")
    _generator = np.random.default_rng(start)


def generator() -> np.random.Generator:
    """The generator behind the functions below; :func:`manual_seed` replaces it."""
    return _generator


def get_rng_state() -> dict[str, Any]:
    """The state of the generator, numbers and strings in a dict, for :func:`set_rng_state` and for ``mg.save``.

    >>> before = get_rng_state()
    >>> first = rand(3)
    >>> set_rng_state(before)
    >>> bool((rand(3) == first).min())
    True
    """
    return dict(_generator.bit_generator.state)


def set_rng_state(state: Mapping[str, Any]) -> None:
    """Let the random numbers go on from a state. Raises ValueError for what is none, and changes nothing then."""
    global _generator
    found = np.random.default_rng()
    try:
        found.bit_generator.state = dict(state)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"set_rng_state: this is no state of the generator: {error}") from None
    _generator = found


@contextmanager
def seeded(*seeds: int) -> Iterator[None]:
    """Draw from a generator of its own inside a ``with``; the one before goes on afterwards as if nothing was."""
    global _generator
    before, _generator = _generator, np.random.default_rng(seeds)
    try:
        yield
    finally:
        _generator = before


def rand(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """Random numbers, uniform in [0, 1)."""
    found = _float(dtype)
    return new(_generator.random(size_of("rand", size), found.type), requires_grad, device)


def randn(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """Random numbers from the normal distribution of mean 0 and variance 1."""
    found = _float(dtype)
    return new(_generator.standard_normal(size_of("randn", size), found.type), requires_grad, device)


def rand_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """:func:`rand` of the shape and dtype of ``other``."""
    own = check_tensor("rand_like", other).dtype
    wanted = own if dtype is None else dtype
    return rand(other.shape, dtype=wanted, requires_grad=requires_grad, device=other.device)


def randn_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """:func:`randn` of the shape and dtype of ``other``."""
    own = check_tensor("randn_like", other).dtype
    wanted = own if dtype is None else dtype
    return randn(other.shape, dtype=wanted, requires_grad=requires_grad, device=other.device)


def randint(
    low: int, high: int | None = None, size: Size = (), *, dtype: Any = None, device: str = "cpu"
) -> Tensor:
    """Random integers from ``low`` (0 if only one bound is given) up to and without ``high``; int64.

    Raises TypeError for bounds that are no ints, ValueError if nothing is between them, OverflowError for bounds
    that the dtype cannot hold.

    >>> randint(5, size=(2, 3)).shape
    (2, 3)
    """
    first, last = (integer("randint", bound) for bound in ((0, low) if high is None else (low, high)))
    if first >= last:
        raise ValueError(f"randint: there is no integer from {first} up to and without {last}")
    found = dtypes.int64 if dtype is None else dtypes.dtype(dtype)
    for each in (dtypes.int64, found):
        dtypes.check_fits("randint", each, first, last - 1)
    return new(_generator.integers(first, last, size_of("randint", (size,))).astype(found), False, device)


def randperm(n: int, *, dtype: Any = None, device: str = "cpu") -> Tensor:
    """The integers from 0 to ``n - 1`` in random order; int64 unless ``dtype`` says otherwise.

    Raises TypeError for what is no int, ValueError for a negative one, OverflowError where the dtype is too small.

    >>> randperm(4).shape, randperm(4).sum()
    ((4,), tensor(6))
    """
    (count,) = size_of("randperm", (n,))
    found = dtypes.int64 if dtype is None else dtypes.dtype(dtype)
    dtypes.check_fits("randperm", found, max(count - 1, 0))
    return new(_generator.permutation(count).astype(found), False, device)


def _float(dtype: Any) -> dtypes.DType:
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    if found.kind != "f":
        raise TypeError(f"random floats cannot be {found}: use randint()")
    return found
