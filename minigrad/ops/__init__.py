"""Operations: one class each, with its formula, ``forward`` on arrays and ``backward`` on tensors.

Beside each class stands the function that checks a user's arguments and records it. Read ``arithmetic.py``
first, then ``linear_algebra.py`` and ``activation.py``.
"""

from minigrad.ops import (
    activation,
    arithmetic,
    choice,
    comparison,
    contraction,
    cumulative,
    diagonals,
    division,
    exponential,
    extremes,
    gates,
    indexing,
    joining,
    linear_algebra,
    logic,
    order,
    pieces,
    rectifiers,
    reduction,
    repeating,
    rounding,
    search,
    selection,
    shape,
    soft,
    sorting,
    statistics,
    trigonometry,
)
from minigrad.ops.activation import *
from minigrad.ops.arithmetic import *
from minigrad.ops.choice import *
from minigrad.ops.comparison import *
from minigrad.ops.contraction import *
from minigrad.ops.cumulative import *
from minigrad.ops.diagonals import *
from minigrad.ops.division import *
from minigrad.ops.exponential import *
from minigrad.ops.extremes import *
from minigrad.ops.gates import *
from minigrad.ops.indexing import *
from minigrad.ops.joining import *
from minigrad.ops.linear_algebra import *
from minigrad.ops.logic import *
from minigrad.ops.order import *
from minigrad.ops.pieces import *
from minigrad.ops.rectifiers import *
from minigrad.ops.reduction import *
from minigrad.ops.repeating import *
from minigrad.ops.rounding import *
from minigrad.ops.search import *
from minigrad.ops.selection import *
from minigrad.ops.shape import *
from minigrad.ops.soft import *
from minigrad.ops.sorting import *
from minigrad.ops.statistics import *
from minigrad.ops.trigonometry import *

__all__ = [
    *activation.__all__,
    *arithmetic.__all__,
    *choice.__all__,
    *comparison.__all__,
    *contraction.__all__,
    *cumulative.__all__,
    *diagonals.__all__,
    *division.__all__,
    *exponential.__all__,
    *extremes.__all__,
    *gates.__all__,
    *indexing.__all__,
    *joining.__all__,
    *linear_algebra.__all__,
    *logic.__all__,
    *order.__all__,
    *pieces.__all__,
    *rectifiers.__all__,
    *reduction.__all__,
    *repeating.__all__,
    *rounding.__all__,
    *search.__all__,
    *selection.__all__,
    *shape.__all__,
    *soft.__all__,
    *sorting.__all__,
    *statistics.__all__,
    *trigonometry.__all__,
]
