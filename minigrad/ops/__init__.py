"""Operations: one class each, with its formula, ``forward`` on arrays and ``backward`` on tensors.

Beside each class stands the function that checks a user's arguments and records it. Read ``arithmetic.py``
first, then ``linear_algebra.py`` and ``activation.py``.
"""

from minigrad.ops import activation, arithmetic, comparison, indexing, linear_algebra, reduction, shape
from minigrad.ops.activation import *
from minigrad.ops.arithmetic import *
from minigrad.ops.comparison import *
from minigrad.ops.indexing import *
from minigrad.ops.linear_algebra import *
from minigrad.ops.reduction import *
from minigrad.ops.shape import *

__all__ = [
    *activation.__all__,
    *arithmetic.__all__,
    *comparison.__all__,
    *indexing.__all__,
    *linear_algebra.__all__,
    *reduction.__all__,
    *shape.__all__,
]
