"""The kernels in obvious NumPy: what every other target must compute, and what the tests compare it with.

The list of functions and their shapes stands in ``kernels/__init__.py``.
"""

from minigrad.kernels.reference.activation import *
from minigrad.kernels.reference.arrange import *
from minigrad.kernels.reference.chance import *
from minigrad.kernels.reference.convolution import *
from minigrad.kernels.reference.cumulative import *
from minigrad.kernels.reference.elementwise import *
from minigrad.kernels.reference.linear import *
from minigrad.kernels.reference.move import *
from minigrad.kernels.reference.normalisation import *
from minigrad.kernels.reference.optimise import *
from minigrad.kernels.reference.order import *
from minigrad.kernels.reference.pooling import *
from minigrad.kernels.reference.recurrent import *
from minigrad.kernels.reference.reduce import *
