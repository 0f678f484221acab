"""Generator: a source of random numbers with a seed and a state, and the one that everybody shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from minigrad.ops.operands import integer


class Generator:
    """Random numbers of their own, which no other draw disturbs: NumPy's PCG64, on every machine the same.

    Whatever draws random numbers takes one, as ``generator=``; without, it draws from the common one, which
    ``mg.manual_seed`` starts.

    >>> import minigrad as mg
    >>> first, second = (mg.rand(3, generator=mg.Generator().manual_seed(0)) for _ in range(2))
    >>> mg.equal(first, second)
    True
    """

    def __init__(self) -> None:
        self.seed()

    def manual_seed(self, seed: int) -> Self:
        """Start anew from a seed. Returns the generator itself.

        Raises TypeError for anything but an int, ValueError for a negative one.
        """
        start = integer("manual_seed", seed)
        if start < 0:
            raise ValueError(f"manual_seed: the seed must not be negative, got {start}")
        self._seed = start
        self.numpy = np.random.default_rng(start)
        return self

    def seed(self) -> int:
        """Start anew from a seed that nobody can foresee, and return it."""
        return self.manual_seed(int(np.random.SeedSequence().generate_state(1, np.uint64)[0])).initial_seed()

    def initial_seed(self) -> int:
        """The seed that the numbers started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """Where the numbers are, in a dict of numbers and strings, for :meth:`set_state` and for ``mg.save``."""
        return dict(self.numpy.bit_generator.state)

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state. Raises ValueError for anything else, and changes nothing then."""
        found = np.random.default_rng()
        try:
            found.bit_generator.state = dict(state)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"set_state: this is not the state of a generator: {error}") from None
        self.numpy = found


common = Generator()


def draw_key() -> int:
    """A number of 64 bits from the common generator, of which a kernel makes as many random ones as it needs."""
    return int(common.numpy.integers(2**64, dtype=np.uint64))


def numbers(name: str, generator: Generator | None = None) -> np.random.Generator:
    """NumPy's generator behind the one that a function was given, or behind the common one."""
    if generator is None:
        return common.numpy
    if not isinstance(generator, Generator):
        raise TypeError(f"{name}: a generator is a mg.Generator, got {generator!r:.60}")
    return generator.numpy
