"""Derivatives of functions: Jacobian and Hessian, and the products of a Jacobian with a vector on either side.

``v^T J`` is the walk back. ``J v`` is a walk forward that needs no second set of rules: a backward rule is linear
in the gradient that it is given, so what it does to a gradient is a matrix, the transposed Jacobian of its
operation, and the derivative of the *rule* for its gradient is that matrix transposed once more: the Jacobian.
Source of the idea: J. Townsend, "A new trick for calculating Jacobian vector products", 2017. JAX goes the other
way and has only forward rules, which it transposes (``linearize``, ``linear_transpose``).

Names, arguments and the shapes of results are those of ``torch.autograd.functional``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad import kernels, ops
from minigrad.backward import apply_rule, grad, nodes_between
from minigrad.graph import Op, Source
from minigrad.modes import Switch, enable_grad, is_inference_mode_enabled
from minigrad.tensor import Tensor

Tensors = Tensor | tuple[Tensor, ...]
Function = Callable[..., Any]  # tensors -> a tensor, or a tuple of them

STRATEGIES = ("reverse-mode", "forward-mode")


def vjp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """``func(*inputs)``, and ``v^T J``, the derivative of ``sum v func(*inputs)`` for each input.

    Args:
        func: takes the inputs and gives a tensor or a tuple of tensors.
        inputs: a float tensor, or a tuple of them; whether they require a gradient does not matter.
        v: the weight of each element of the outputs, of their shapes; a single number needs none.
        create_graph: record everything, so that both results can be differentiated for the ``inputs`` and ``v``.
        strict: raise an error, rather than give zeros, for an input on which no output depends and for an output
            that depends on no input.

    Returns:
        The outputs, and a derivative for each input, of its shape: a tensor or a tuple, as the inputs are.

    Raises:
        TypeError: an input, output or part of ``v`` is not a tensor; an input is not of floats.
        ValueError: ``v`` does not fit the outputs, or is missing where they are more than one number.
        RuntimeError: what ``strict`` forbids; inside ``inference_mode()``, where nothing is recorded.

    >>> import minigrad as mg
    >>> vjp(lambda x: x**2, mg.tensor([1.0, 2.0]), v=mg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = _Call("vjp", func, inputs, create_graph)
    weights = call.own("v", v, call.outputs)
    if strict:
        call.check_every_output_depends_on_some_input()
    found = call.pull_back(call.outputs, weights)
    return call.as_outputs(call.cut(call.outputs)), call.as_inputs(call.cut(call.filled(found, strict)))


def jvp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """``func(*inputs)``, and ``J v``, the derivative of each output when the inputs move in direction ``v``.

    Forward mode: one walk along the recorded graph from the inputs to the outputs, whatever their number. At each
    operation the backward rule is applied once, to zeros, and that is walked back, which costs about twice as much
    as :func:`vjp`, and four times where arrays are so small that the time goes into Python. A tangent is freed
    when its last consumer has read it. Hooks are not called.

    Args:
        func: takes the inputs and gives a tensor or a tuple of tensors.
        inputs: a float tensor, or a tuple of them; whether they require a gradient does not matter.
        v: the direction, of the inputs' shapes; an input of a single number needs none.
        create_graph: record everything, so that both results can be differentiated for the ``inputs`` and ``v``.
        strict: as for :func:`vjp`.

    Returns:
        The outputs, and a derivative for each, of its shape: tensors or tuples, as ``func`` gives.

    Raises:
        TypeError, ValueError, RuntimeError: as for :func:`vjp`; here ``v`` must fit the inputs.

    >>> import minigrad as mg
    >>> jvp(lambda x: x**2, mg.tensor([1.0, 2.0]), v=mg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = _Call("jvp", func, inputs, create_graph)
    directions = call.own("v", v, call.given)
    if strict:
        call.check_every_output_depends_on_some_input()
        call.check_some_output_depends_on_every_input()
    found = call.push_forward(directions, retain_graph=create_graph)
    tangents = [_zeros(out.shape, out) if t is None else t for t, out in zip(found, call.outputs, strict=True)]
    return call.as_outputs(call.cut(call.outputs)), call.as_outputs(call.cut(tangents))


def jacobian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Every derivative of every output: ``J[k, i] = dy_k / dx_i``, of shape ``y.shape + x.shape``.

    Args:
        func: takes the inputs and gives a tensor or a tuple of tensors.
        inputs: a float tensor, or a tuple of them; whether they require a gradient does not matter.
        create_graph: record everything, so that the result can be differentiated.
        strict: raise an error, rather than give zeros, where an output does not depend on an input.
        strategy: ``"reverse-mode"``, a walk back for each element of the outputs, or ``"forward-mode"``, a walk
            forward for each element of the inputs: the better one where these are fewer.

    Returns:
        A tensor; for a tuple of inputs or of outputs a tuple; for both ``J[k][i]``, outputs first.

    Raises:
        TypeError, RuntimeError: as for :func:`vjp`.
        ValueError: an unknown strategy.

    >>> import minigrad as mg
    >>> jacobian(lambda x: x * x.sum(), mg.tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    return _jacobian("jacobian", func, inputs, create_graph, strict, strategy)


def hessian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a function with one number as its value: ``H[i, j] = d^2 y / dx_i dx_j``.

    The Jacobian of the gradient. Arguments and errors are those of :func:`jacobian`; ValueError if the value has
    more than one element. Forward mode for the outer Jacobian costs about the same as reverse mode.

    Returns:
        A tensor of shape ``x.shape + x.shape``; for a tuple of inputs ``H[i][j]``.

    >>> import minigrad as mg
    >>> hessian(lambda x: (x**3).sum(), mg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def gradient(*own: Tensor) -> Tensors:
        call = _Call("hessian", func, own if isinstance(inputs, tuple) else own[0], create_graph=True)
        if len(call.outputs) != 1 or call.outputs[0].numel() != 1:
            shapes = ", ".join(str(t.shape) for t in call.outputs)
            raise ValueError(f"hessian: the function must give one number, it gave {shapes}: use jacobian() twice")
        found = call.pull_back(call.outputs, call.own("v", None, call.outputs))
        return call.as_inputs(call.filled(found, strict))

    return _jacobian("hessian", gradient, inputs, create_graph, strict, outer_jacobian_strategy)


def _jacobian(name: str, func: Function, inputs: Tensors, create_graph: bool, strict: bool, strategy: str) -> Any:
    if strategy not in STRATEGIES:
        raise ValueError(f"{name}: there is no strategy {strategy!r}: use one of {', '.join(STRATEGIES)}")
    call = _Call(name, func, inputs, create_graph)
    blocks = call.rows(strict) if strategy == "reverse-mode" else call.columns(strict)
    return call.as_outputs([call.as_inputs(call.cut(row)) for row in blocks])


# -- one call of a function -----------------------------------------------------------------------------------


class _Call:
    """A function, recorded once on inputs of its own, so that only paths through its arguments count."""

    def __init__(self, name: str, func: Function, inputs: Tensors, create_graph: bool) -> None:
        if is_inference_mode_enabled():
            raise RuntimeError(f"{name}: nothing is recorded inside inference_mode(): use no_grad() there")
        self.name, self.create_graph = name, create_graph
        self.given = _tuple(name, "inputs", inputs)
        for i, t in enumerate(self.given):
            if t.dtype.kind != "f":
                raise TypeError(f"{name}: input {i} is {t.dtype}: only floats have derivatives, use x.float()")
        self.has_tuple_of_inputs = isinstance(inputs, tuple)
        with enable_grad():
            self.inputs = [
                t.view(t.shape) if create_graph and t.requires_grad else t.detach().requires_grad_()
                for t in self.given
            ]
            value = func(*self.inputs)
        self.outputs = _tuple(name, "outputs of the function", value)
        self.has_tuple_of_outputs = isinstance(value, tuple)

    def own(self, what: str, v: Tensors | None, like: Sequence[Tensor]) -> list[Tensor]:
        """The vector ``v``, checked against the tensors that it must fit; 1 for a single number."""
        if v is None:
            if len(like) != 1 or like[0].numel() != 1:
                shapes = ", ".join(str(t.shape) for t in like)
                raise ValueError(f"{self.name}: {what} may only be left out for a single number, not for {shapes}")
            return [Tensor.of(np.ones(like[0].shape, like[0].dtype))]
        vectors = _tuple(self.name, what, v)
        if [(t.shape, t.dtype) for t in vectors] != [(t.shape, t.dtype) for t in like]:
            got = ", ".join(f"{t.shape} {t.dtype}" for t in vectors)
            want = ", ".join(f"{t.shape} {t.dtype}" for t in like)
            raise ValueError(f"{self.name}: {what} must have the shape and dtype of {want}; it has {got}")
        return [t if self.create_graph else t.detach() for t in vectors]

    def pull_back(
        self, outputs: Sequence[Tensor], weights: Sequence[Tensor], retain_graph: bool | None = None
    ) -> list[Tensor | None]:
        """``weights^T J``, a part for each input; None where no output depends on it."""
        seeds = [(out, v) for out, v in zip(outputs, weights, strict=True) if out.requires_grad]
        if not seeds:
            return [None] * len(self.inputs)
        starts, seed_weights = zip(*seeds, strict=True)
        return list(
            grad(
                starts,
                self.inputs,
                seed_weights,
                retain_graph=retain_graph,
                create_graph=self.create_graph,
                allow_unused=True,
            )
        )

    def push_forward(self, directions: Sequence[Tensor | None], *, retain_graph: bool) -> list[Tensor | None]:
        """``J directions``, a part for each output; None where it depends on no input that moves.

        Nodes come in the order of recording, so the tangents of a node's inputs are known when it comes up.
        """
        starts: list[Op | Tensor] = [t.grad_fn or t for t in self.inputs]
        ends: list[Op | Tensor] = [t.grad_fn or t for t in self.outputs]
        ordered = sorted(nodes_between(ends, set(starts)), key=lambda op: op.order)
        readers = Counter[Source](edge for op in ordered for edge in op.edges)
        readers.update(ends)
        tangents: dict[Source, Tensor] = {
            place: v for place, v in zip(starts, directions, strict=True) if v is not None
        }
        for op in ordered:
            tangent = _tangent(op, tangents, self.create_graph)
            if tangent is not None:
                tangents[op] = tangent
            for edge in op.edges:
                readers[edge] -= 1
                if not readers[edge]:
                    tangents.pop(edge, None)
            if not retain_graph:
                op.free()
        return [tangents.get(end) for end in ends]

    def rows(self, strict: bool) -> list[list[Tensor]]:
        """The blocks of the Jacobian, outputs first, from a walk back for each element of an output."""
        blocks = []
        for k, out in enumerate(self.outputs):
            walks = [self.pull_back([out], [one], retain_graph=True) for one in _basis(out)]
            rows = [self.filled(found, strict, f"output {k} does not depend") for found in walks]
            blocks.append([_block(0, [row[i] for row in rows], out, x) for i, x in enumerate(self.inputs)])
        return blocks

    def columns(self, strict: bool) -> list[list[Tensor]]:
        """The same, from a walk forward for each element of an input."""
        blocks: list[list[Tensor]] = [[] for _ in self.outputs]
        for i, x in enumerate(self.inputs):
            columns: list[list[Tensor]] = [[] for _ in self.outputs]
            for one in _basis(x):
                moved = [one if other is x else None for other in self.inputs]
                found = self.push_forward(moved, retain_graph=True)
                for k, (out, tangent) in enumerate(zip(self.outputs, found, strict=True)):
                    if strict and tangent is None:
                        raise self.independent(f"output {k} does not depend", i)
                    columns[k].append(_zeros(out.shape, out) if tangent is None else tangent)
            for k, out in enumerate(self.outputs):
                blocks[k].append(_block(-1, columns[k], out, x))
        return blocks

    # -- results ----------------------------------------------------------------------------------------------

    def filled(
        self, found: Sequence[Tensor | None], strict: bool, whose: str = "no output depends"
    ) -> list[Tensor]:
        """A derivative for each input, zeros where there is none, which ``strict`` forbids."""
        if strict and None in found:
            raise self.independent(whose, found.index(None))
        return [_zeros(x.shape, x) if g is None else g for g, x in zip(found, self.inputs, strict=True)]

    def independent(self, whose: str, i: int) -> RuntimeError:
        """The error that ``strict`` asks for."""
        shape = self.inputs[i].shape
        return RuntimeError(f"{self.name}: {whose} on input {i}, of shape {shape}; strict=False gives zeros")

    def check_every_output_depends_on_some_input(self) -> None:
        """Raise RuntimeError if an output would not change whatever the inputs were."""
        starts = {t.grad_fn or t for t in self.inputs}
        for k, out in enumerate(self.outputs):
            end = out.grad_fn or out
            if end not in starts and not (isinstance(end, Op) and nodes_between([end], starts)):
                raise RuntimeError(
                    f"{self.name}: output {k}, of shape {out.shape}, depends on no input; strict=False gives zeros"
                )

    def check_some_output_depends_on_every_input(self) -> None:
        """Raise RuntimeError if an input has no influence on any output."""
        ends = [t.grad_fn or t for t in self.outputs]
        for i, x in enumerate(self.inputs):
            start = x.grad_fn or x
            if start not in ends and not nodes_between(ends, {start}):
                raise self.independent("no output depends", i)

    def cut(self, found: Sequence[Tensor]) -> Sequence[Tensor]:
        """The results, without a graph unless one was asked for."""
        return found if self.create_graph else [t.detach() for t in found]

    def as_inputs(self, found: Sequence[Tensor]) -> Tensors:
        """One result for each input, in the form in which the inputs were given."""
        return tuple(found) if self.has_tuple_of_inputs else found[0]

    def as_outputs(self, found: Sequence[Any]) -> Any:
        """One result for each output, in the form in which the function gave them."""
        return tuple(found) if self.has_tuple_of_outputs else found[0]


def _tangent(op: Op, tangents: dict[Source, Tensor], create_graph: bool) -> Tensor | None:
    """The derivative of a node's output, from those of its inputs: its backward rule, differentiated."""
    op.check_not_freed()
    rule: list[Tensor] = []
    weights: list[Tensor] = []
    with enable_grad():
        gradient = _zeros(op.shape, op).requires_grad_()  # the rule is linear in it: any value would do
        gradient = gradient.view(op.shape)  # a node has a number, which spares grad() the search beyond it
        with Switch(reach=tangents):
            gradients = apply_rule(op, gradient)
        for edge, g in zip(op.edges, gradients, strict=True):
            if g is not None and g.requires_grad and edge in tangents:
                rule.append(g if g.shape == edge.shape else g.sum_to_size(edge.shape))
                weights.append(tangents[edge])
    if not rule:
        return None
    return grad(rule, gradient, weights, create_graph=create_graph, allow_unused=True)[0]


# -- small things ---------------------------------------------------------------------------------------------


def _tuple(name: str, what: str, given: Any) -> tuple[Tensor, ...]:
    found = given if isinstance(given, tuple) else (given,)
    for t in found:
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}: the {what} must be a tensor or a tuple of tensors, got {type(t).__name__}")
    return found


def _zeros(shape: tuple[int, ...], like: Tensor | Op) -> Tensor:
    if isinstance(like, Tensor):
        return Tensor.of(kernels.full_like(like.array, 0, shape))
    return Tensor.of(np.zeros(shape, like.dtype))


def _basis(t: Tensor) -> Iterator[Tensor]:
    """Tensors of the shape of ``t`` with a single 1, which stands at each place in turn."""
    for place in np.ndindex(t.shape):
        one = _zeros(t.shape, t)
        kernels.write(one.array, np.ones((), t.dtype), place)
        yield one


def _block(dim: int, parts: Sequence[Tensor], out: Tensor, x: Tensor) -> Tensor:
    """The Jacobian of one output for one input, from its rows (``dim`` 0) or its columns (``dim`` -1)."""
    shape = (*out.shape, *x.shape)
    return ops.stack(parts, dim).reshape(shape) if parts else _zeros(shape, x)
