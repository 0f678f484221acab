"""Running sums and products."""

from __future__ import annotations

import numpy as np

from rows.row import REDUCED, Row, one, real

SHORT = [*one(real, (1,), (5,), (2, 3), (2, 3, 2), (2, 0), (0, 2)), (real((3, 2)).T,), (real((2, 6))[::-1, ::2],)]
ZEROS = [(np.array([[2.0, 0.0, 3.0, 0.5], [0.0, 1.5, 0.0, 0.7], [1.2, 0.5, 0.7, 0.0]]),)]

ROWS = [
    Row("cumsum", "", lambda m, x: m.cumsum(x, 0), lambda x: x.cumsum(0), REDUCED + one(real, (1030,)) + SHORT),
    Row("cumsum", "last dim", lambda m, x: x.cumsum(dim=-1), lambda x: x.cumsum(-1), REDUCED + SHORT),
    Row(
        "cumsum",
        "dtype",
        lambda m, x: x.cumsum(0, dtype=m.float64),
        lambda x: x.cumsum(0),
        SHORT,
        dtype="float64",
    ),
    Row("cumsum", "of a scalar", lambda m, x: m.cumsum(x, -1), lambda x: x, one(real, ())),
    Row("cumprod", "", lambda m, x: m.cumprod(x, 0), lambda x: x.cumprod(0), SHORT),
    Row("cumprod", "last dim", lambda m, x: x.cumprod(-1), lambda x: x.cumprod(-1), SHORT),
    Row("cumprod", "zeros", lambda m, x: x.cumprod(1), lambda x: x.cumprod(1), ZEROS),
    Row("cumprod", "of a scalar", lambda m, x: m.cumprod(x, 0), lambda x: x, one(real, ())),
]
