"""PyTorch's place for derivatives of functions: they are in ``derivatives.py``, and ``mg.jacobian`` is the same."""

from minigrad.derivatives import hessian, jacobian, jvp, vjp

__all__ = ["hessian", "jacobian", "jvp", "vjp"]
