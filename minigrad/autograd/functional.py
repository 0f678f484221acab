"""PyTorch's place for derivatives of functions; ``mg.jacobian`` and so on are the same."""

from minigrad.derivatives import hessian, jacobian, jvp, vjp

__all__ = ["hessian", "jacobian", "jvp", "vjp"]
