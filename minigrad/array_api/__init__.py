"""The Python array API standard on tensors: NumPy's names and arguments for minigrad's functions.

``t.__array_namespace__()`` is this module, and NumPy's own functions lead here: ``np.sum(t, axis=0)`` is
``sum(t, axis=0)``, recorded like ``mg.sum(t, 0)``. An ``axis`` may be positional too, as NumPy has it.

Missing, because minigrad has no such thing: complex numbers (``complex64 complex128 conj imag real``), unsigned
integers of more than 8 bits (``uint16 uint32 uint64``), ``bitwise_left_shift bitwise_right_shift copysign hypot
nextafter signbit searchsorted unique_all unique_counts unique_inverse``, and the extensions ``linalg`` and
``fft``. Different, because minigrad follows PyTorch: ``t.size`` is a method, ``t.to_device`` is ``t.to``, the
default dtype is float32, an integer beside a float gives a float, and 0-d tensors give way to others.

Source: https://data-apis.org/array-api/2024.12
"""

import math

from minigrad.array_api import elementwise, kinds, making, moving, reducing
from minigrad.array_api.elementwise import *
from minigrad.array_api.kinds import *
from minigrad.array_api.making import *
from minigrad.array_api.moving import *
from minigrad.array_api.reducing import *

VERSION = "2024.12"

e, inf, nan, newaxis, pi = math.e, math.inf, math.nan, None, math.pi

__all__ = [
    *elementwise.__all__,
    *kinds.__all__,
    *making.__all__,
    *moving.__all__,
    *reducing.__all__,
    "e",
    "inf",
    "nan",
    "newaxis",
    "pi",
]
