"""PyTorch's place for what differentiates: ``mg.autograd.grad`` is ``mg.grad``, and so with the others.

How it is done stands in ``graph.py`` and ``backward.py``, and in ``derivatives.py`` for :mod:`functional`.
"""

from typing import TYPE_CHECKING

from minigrad import mistakes
from minigrad.anomaly import detect_anomaly, set_detect_anomaly
from minigrad.autograd import functional
from minigrad.backward import backward, grad
from minigrad.modes import enable_grad, inference_mode, no_grad, set_grad_enabled

if TYPE_CHECKING:
    from minigrad.inspect.gradcheck import gradcheck, gradgradcheck
else:

    def __getattr__(name: str) -> object:
        if name in ("gradcheck", "gradgradcheck"):  # a program that computes needs none
            from minigrad.inspect import gradcheck

            return getattr(gradcheck, name)
        raise mistakes.no_such_name(__name__, name)


__all__ = [
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
