"""Health: what keeps a network from learning, looked for on one batch, with advice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.backward import grad
from minigrad.inspect import symptoms
from minigrad.inspect.summary import undisturbed
from minigrad.inspect.symptoms import Finding
from minigrad.inspect.table import Report, Table
from minigrad.inspect.trace import trace
from minigrad.modes import enable_grad
from minigrad.nn.module import Module
from minigrad.tensor import Tensor
from minigrad.viz.text import plural


class Health(Report):
    """What :func:`health` found.

    Attributes:
        findings: the :class:`Finding` objects; none in a healthy network.
        looked_at: what was examined, and what was not, in words.
    """

    def __init__(self, findings: list[Finding], looked_at: list[str]) -> None:
        self.findings, self.looked_at = findings, looked_at

    @property
    def is_healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def as_table(self) -> Table:
        rows = [[found.what, found.where, found.value, found.threshold] for found in self.findings]
        head = ["finding", "where", "measured", "should be"]
        advice = dict.fromkeys(f"{found.what}: {found.advice}" for found in self.findings)
        marks = dict.fromkeys(range(len(rows)), "warning")
        return Table(head, head, rows, title=self._title(), notes=[*advice, *self.looked_at], marks=marks)

    def _title(self) -> str:
        return plural(len(self.findings), "finding") if self.findings else "Nothing found"

    def __repr__(self) -> str:
        return f"<Health: {', '.join(dict.fromkeys(found.what for found in self.findings)) or 'nothing found'}>"


def health(model: Module, *inputs: Any, loss: Callable[[Any], Tensor] | None = None, **named: Any) -> Health:
    """Look for what keeps a network from learning, and give advice. Every finding states the threshold it passed.

    With inputs, the model runs on them once: dead rectifiers, saturated sigmoids and tanhs, the scale of each
    layer's z, NaN; the statistics of the inputs, and of what batch normalisation makes of them. Weights are looked
    at always: NaN, all 0. Gradients are those of ``loss``, or else those in the parameters' ``.grad``: missing, 0,
    NaN, vanishing or exploding from layer to layer.

    No ``.grad`` is touched, and the model is left as it was: its buffers and the state of the random numbers are
    put back.

    Args:
        model: the model, in the mode (``train`` or ``eval``) that is of interest.
        inputs, named: a batch, best of a hundred or more, as the model is called with.
        loss: a function of the model's output that gives the scalar to differentiate, such as
            ``lambda z: F.cross_entropy(z, labels)``.

    Raises TypeError if the model is not a module, ValueError for a loss without inputs, RuntimeError inside a
    trace.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    >>> _ = nn.init.constant_(net[0].bias, -100.0)
    >>> found = mg.health(net, mg.randn(100, 4), loss=lambda y: y.sum())
    >>> found
    <Health: scale of z, dead units, gradient all 0>
    >>> found.findings[1].where, found.findings[1].value
    ('1', '8 of 8 are 0 for all inputs')
    """
    if not isinstance(model, Module):
        raise TypeError(f"health() expects a Module, got {type(model).__name__}")
    if loss is not None and not inputs and not named:
        raise ValueError("health() needs inputs to compute a loss from: health(model, x, loss=...)")
    findings: list[Finding] = []
    looked_at = [f"parameters: {plural(len(list(model.parameters())), 'tensor')}"]
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    gradients = {name: p.grad for name, p in trained.items()}
    if inputs or named:
        with undisturbed(model), enable_grad():
            ran = trace(model, *inputs, **named)
            if loss is not None and trained:
                found = grad(loss(ran.output), list(trained.values()), allow_unused=True)
                gradients = dict(zip(trained, found, strict=True))
        findings += symptoms.inputs_off((*inputs, *named.values()))
        for look in (symptoms.scales, symptoms.dead_units, symptoms.saturation, symptoms.normalisation_off):
            findings += look(ran)
        looked_at.append(f"activations: {plural(len(ran.events), 'operation')} on this batch")
    else:
        looked_at.append("activations: not looked at, health(model, x) does")
    findings += symptoms.weights_off(model)
    if any(gradient is not None for gradient in gradients.values()):
        findings += symptoms.gradients_off(gradients)
        looked_at.append(f"gradients: of {'this loss' if loss else 'the last backward()'}")
    else:
        looked_at.append("gradients: not looked at, there are none: health(model, x, loss=...) computes them")
    return Health(findings, ["Looked at " + "; ".join(looked_at)])
