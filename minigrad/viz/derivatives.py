"""The local derivatives of an operation, as formulas: they stand in the docstring of its class."""

from __future__ import annotations

import inspect
import re

from minigrad.graph import Op


def derivatives(cls: type[Op]) -> dict[str, str]:
    """The derivative of the output with respect to each input, by the input's name in the formula.

    A line ``da/dz = a (1 - a)`` below the formula in an operation's docstring says so, up to the first wide gap.

    >>> from minigrad.ops.activation import Sigmoid
    >>> derivatives(Sigmoid)
    {'z': 'a (1 - a)'}
    """
    line = re.compile(rf"d{re.escape(cls.output)}/d(\w+) = (.*?)(?:  |$)", re.MULTILINE)
    return {name: formula for name, formula in line.findall(inspect.getdoc(cls) or "") if name in cls.inputs}
