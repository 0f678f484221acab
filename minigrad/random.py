"""Random tensors: from the generator that everybody shares, which :func:`manual_seed` starts anew, or another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.creation import Size, full, new, size_of
from minigrad.generator import Generator, common, numbers
from minigrad.ops.operands import integer, only_floats
from minigrad.ops.operands import tensor as check_tensor
from minigrad.tensor import Tensor


def manual_seed(seed: int) -> Generator:
    """Start the random numbers anew: the same seed gives the same numbers, on every machine.

    Returns the generator that everybody shares. Raises TypeError for anything but an int, ValueError for a
    negative one.

    >>> _ = manual_seed(0)
    >>> first = rand(3)
    >>> _ = manual_seed(0)
    >>> bool((rand(3) == first).min())
    True
    """
    return common.manual_seed(seed)


def get_rng_state() -> dict[str, Any]:
    """The state of the shared generator, numbers and strings in a dict, for :func:`set_rng_state` and ``mg.save``.

    >>> before = get_rng_state()
    >>> first = rand(3)
    >>> set_rng_state(before)
    >>> bool((rand(3) == first).min())
    True
    """
    return common.get_state()


def set_rng_state(state: Mapping[str, Any]) -> None:
    """Let the random numbers go on from a state. Raises ValueError for anything else, and changes nothing then."""
    common.set_state(state)


@contextmanager
def seeded(*seeds: int) -> Iterator[None]:
    """Draw from a generator of its own inside a ``with``; the one before goes on afterwards as if nothing was."""
    before, common.numpy = common.numpy, np.random.default_rng(seeds)
    try:
        yield
    finally:
        common.numpy = before


def rand(
    *size: Size,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
    device: str | None = None,
) -> Tensor:
    """Random numbers, uniform in [0, 1)."""
    found = _float(dtype)
    drawn = numbers("rand", generator).random(size_of("rand", size), found.type)
    return new(drawn, requires_grad, device)


def randn(
    *size: Size,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
    device: str | None = None,
) -> Tensor:
    """Random numbers from the normal distribution of mean 0 and variance 1."""
    found = _float(dtype)
    drawn = numbers("randn", generator).standard_normal(size_of("randn", size), found.type)
    return new(drawn, requires_grad, device)


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
    low: int,
    high: int | Sequence[int] | None = None,
    size: Size | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: str | None = None,
) -> Tensor:
    """Random integers from ``low`` (0 if only one bound is given) up to but not including ``high``; int64.

    It is called as ``randint(low, high, size)``, or as ``randint(high, size)``.

    Raises TypeError for bounds that are not ints, ValueError if nothing is between them, OverflowError for bounds
    that the dtype cannot hold.

    >>> randint(5, (2, 3)).shape
    (2, 3)
    """
    if isinstance(high, Sequence) and size is None:
        high, size = None, high
    first, last = (integer("randint", bound) for bound in ((0, low) if high is None else (low, high)))
    if first >= last:
        raise ValueError(f"randint: there is no integer from {first} up to but not including {last}")
    found = dtypes.int64 if dtype is None else dtypes.dtype(dtype)
    for each in (dtypes.int64, found):
        dtypes.check_fits("randint", each, first, last - 1)
    drawn = numbers("randint", generator).integers(
        first, last, size_of("randint", (() if size is None else size,))
    )
    return new(drawn.astype(found), False, device)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: str | None = None
) -> Tensor:
    """The integers from 0 to ``n - 1`` in random order; int64 unless ``dtype`` says otherwise.

    Raises TypeError for anything but an int, ValueError for a negative one, OverflowError where the dtype is
    too small.

    >>> randperm(4).shape, randperm(4).sum()
    ((4,), tensor(6))
    """
    (count,) = size_of("randperm", (n,))
    found = dtypes.int64 if dtype is None else dtypes.dtype(dtype)
    dtypes.check_fits("randperm", found, max(count - 1, 0))
    return new(numbers("randperm", generator).permutation(count).astype(found), False, device)


# -- of distributions -----------------------------------------------------------------------------------------


def normal(
    mean: Tensor | float, std: Tensor | float, size: Size | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Random numbers from normal distributions: of one mean and spread, or of those in tensors that broadcast.

    ``size`` is for numbers alone. Nothing is recorded. Raises TypeError for a size beside tensors, or for none
    beside numbers, ValueError for a negative spread.

    >>> import minigrad as mg
    >>> normal(0.0, 0.01, (2, 3)).shape, normal(mg.zeros(4, 1), mg.ones(3)).shape
    ((2, 3), (4, 3))
    """
    given = isinstance(mean, Tensor) or isinstance(std, Tensor)
    if given == (size is not None):
        raise TypeError("normal() takes two numbers and a size, or a tensor")
    m, s = (x.detach() if isinstance(x, Tensor) else full((), x, dtype=dtypes.float32) for x in (mean, std))
    if bool((s < 0).any()):
        raise ValueError("normal: the spread must not be negative")
    shape = np.broadcast_shapes(m.shape, s.shape) if size is None else size
    found = dtypes.promote_types(m.dtype, s.dtype)
    return m + s * randn(shape, generator=generator, dtype=found, device=m.device)


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element is, else 0; of the same dtype.

    Raises TypeError for anything but a tensor of floats, ValueError for numbers outside [0, 1].

    >>> import minigrad as mg
    >>> bernoulli(mg.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    p = only_floats("bernoulli", check_tensor("bernoulli", input)).detach()
    if not bool(((p >= 0) & (p <= 1)).all()):
        raise ValueError("bernoulli: the input must be probabilities, in [0, 1]")
    drawn = rand(p.shape, generator=generator, dtype=p.dtype, device=p.device)
    return (drawn < p).to(p.dtype)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Places drawn with probabilities in proportion to weights: ``(C) -> (n)`` or ``(B, C) -> (B, n)``, int64.

    Without ``replacement`` no place comes twice: the places of the smallest ``e / w``, for e exponential (P. S.
    Efraimidis, P. G. Spirakis, Weighted random sampling with a reservoir, 2006).

    Raises TypeError for anything but a tensor of floats; ValueError for another shape, weights that are negative
    or not finite, or fewer that are not 0 than ``num_samples`` (or one, with replacement).

    >>> import minigrad as mg
    >>> multinomial(mg.tensor([[0.0, 3.0, 0.0], [1.0, 0.0, 0.0]]), 1)
    tensor([[1],
            [0]])
    """
    weights = only_floats("multinomial", check_tensor("multinomial", input)).detach()
    count = integer("multinomial", num_samples)
    w = weights.cpu().numpy().astype(np.float64)
    if w.ndim not in (1, 2) or count < 1:
        raise ValueError(f"multinomial: takes (C) or (B, C) and at least one sample, got {w.shape} and {count}")
    if not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("multinomial: the weights must be finite and not negative")
    needed = 1 if replacement else count
    if (np.count_nonzero(w, axis=-1) < needed).any():
        raise ValueError(f"multinomial: {needed} of the weights at least must not be 0")
    draw = numbers("multinomial", generator)
    if replacement:
        sums = w.cumsum(-1)
        u = draw.random((*w.shape[:-1], count)) * sums[..., -1:]  # below the last sum
        places = (u[..., None] >= sums[..., None, :]).sum(-1)
    else:
        with np.errstate(divide="ignore"):  # a weight of 0 comes last
            places = np.argsort(draw.exponential(size=w.shape) / w, axis=-1)[..., :count]
    return new(places.astype(np.int64), False, weights.device)


def _float(dtype: Any) -> dtypes.DType:
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    if found.kind != "f":
        raise TypeError(f"random floats cannot be {found}: use randint()")
    return found
