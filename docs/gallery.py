"""Every kind of picture that minigrad draws, made in one run: writes ``docs/gallery.md`` and ``docs/gallery/``.

    python docs/gallery.py

Each function below makes one picture; its docstring is the text above it, and its source the code that is shown.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F


class Perceptron(nn.Module):
    """Three layers, whose sigmoids are called as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Linear(4, 3)
        self.layer2 = nn.Linear(3, 2)
        self.layer3 = nn.Linear(2, 1)
        fill(self)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        a1 = F.sigmoid(self.layer1(x))
        a2 = F.sigmoid(self.layer2(a1))
        return F.sigmoid(self.layer3(a2))


class Residual(nn.Module):
    """A block that adds what it computes to what it was given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        fill(self)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return x + self.narrow(F.relu(self.widen(x)))


def fill(module: nn.Module) -> None:
    """Give every parameter round numbers, so that the pictures are the same on every machine."""
    for parameter in module.parameters():
        numbers = mg.linspace(-1.0, 1.0, parameter.numel()).reshape(parameter.shape)
        parameter.detach().numpy()[...] = numbers.numpy()


def perceptron() -> mg.Drawing:
    """A perceptron of three layers: each sigmoid shows its z and its a side by side."""
    return mg.draw(Perceptron(), mg.tensor([[0.5, -2.0, 1.0, 0.25]]), kept="beside")


def expression() -> mg.Drawing:
    """The expression of the micrograd README, with the value and the gradient of everything in it."""
    a = mg.tensor(-4.0, requires_grad=True)
    b = mg.tensor(2.0, requires_grad=True)
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c - a)
    d = d + (d * 2 + (b + a).relu())
    d = d + (3 * d + (b - a).relu())
    e = c - d
    f = e**2
    g = f / 2.0
    g = g + 10.0 / f
    return mg.draw(g, names={"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g}, all_gradients=True)


def snippet(x: mg.Tensor, w: mg.Tensor, b: mg.Tensor) -> mg.Tensor:
    """The loss that most tutorials on automatic differentiation begin with."""
    return ((x * w).sum() + b) ** 2


def _numbers() -> tuple[mg.Tensor, mg.Tensor, mg.Tensor]:
    x = mg.tensor([1.0, 2.0, 3.0])
    w = mg.tensor([0.5, -1.0, 2.0], requires_grad=True)
    b = mg.tensor(1.0, requires_grad=True)
    return x, w, b


def loss() -> mg.Drawing:
    """``loss = ((x * w).sum() + b) ** 2``, with the local derivative on every edge."""
    x, w, b = _numbers()
    loss = snippet(x, w, b)
    return mg.draw(loss, names=locals(), derivatives=True, all_gradients=True)


def no_grad() -> mg.Drawing:
    """The same under ``no_grad``: it is computed, but nothing is recorded and nothing kept."""
    x, w, b = _numbers()
    with mg.no_grad():
        return mg.draw(snippet, x, w, b, names={"x": x, "w": w, "b": b})


class ClinicalNet(nn.Module):
    """The measurements of a patient to a risk, with batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.dropout = nn.Dropout(0.25)
        self.output = nn.Linear(3, 1)
        fill(self.hidden)
        fill(self.output)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        a = F.relu(self.norm(self.hidden(x)))
        return F.sigmoid(self.output(self.dropout(a)))


def _patients() -> mg.Tensor:
    return mg.tensor([[0.5, -2.0, 1.0, 0.25], [1.0, 1.5, -0.5, 2.0], [-1.0, 1.0, 0.5, 0.0]])


def clinical_train() -> mg.Drawing:
    """A clinical net in training: batch norm takes the mean and the spread of the batch, dropout drops units."""
    mg.manual_seed(0)
    return mg.draw(ClinicalNet().train(), _patients())


def clinical_eval() -> mg.Drawing:
    """The same in evaluation: batch norm takes the running mean and spread, and there is no dropout."""
    return mg.draw(ClinicalNet().eval(), _patients())


def difference() -> mg.Drawing:
    """Before and after ``no_grad``, as one picture of what is different."""
    x, w, b = _numbers()
    names = {"x": x, "w": w, "b": b}
    recorded = mg.draw(snippet, x, w, b, names=names)

    def partly(x: mg.Tensor, w: mg.Tensor, b: mg.Tensor) -> mg.Tensor:
        with mg.no_grad():
            out = (x * w).sum()
        return (out + b).abs()

    return mg.draw(partly, x, w, b, names=names, before=recorded)


def kept() -> mg.Drawing:
    """What the graph keeps for the walk back, as boxes of its own."""
    x, w, b = _numbers()
    loss = snippet(x, w, b)
    return mg.draw(loss, names=locals(), kept="nodes", bytes=True)


def backward() -> mg.Drawing:
    """The backward pass below the forward pass: what ``create_graph=True`` records, and the values it reads."""
    x, w, b = _numbers()
    loss = snippet(x, w, b)
    return mg.draw(loss, names=locals(), passes="both")


def backward_of_layers() -> mg.Drawing:
    """Both passes of the perceptron: what a layer's rules compute is in the frame of the layer."""
    y = Perceptron()(mg.tensor([[0.5, -2.0, 1.0, 0.25]]))
    return mg.draw(y.sum().named("loss"), passes="both")


def second_derivative() -> mg.Drawing:
    """The second derivative of tanh: the graph of the graph of the derivative."""
    x = mg.tensor([-1.0, 0.5], requires_grad=True)
    y = x.tanh()
    (dy,) = mg.grad(y.sum(), x, create_graph=True)
    (d2y,) = mg.grad(dy.sum(), x, create_graph=True)
    names = {"x": x, "y": y, "dy": dy, "d2y": d2y}
    return mg.draw(
        dy, d2y, names=names, stages={"y = tanh x": y, "first derivative": dy, "second derivative": d2y}
    )


def residual() -> mg.Drawing:
    """Twelve equal residual blocks, drawn once."""
    return mg.draw(nn.Sequential(*(Residual(2) for _ in range(12))), mg.tensor([[0.5, -1.0]]))


def deep() -> mg.Drawing:
    """Ten layers, each narrower than the one before: what is too long for a row goes on in the next."""
    layers = []
    for width in range(24, 4, -2):
        layers += [nn.Linear(width, width - 2), nn.Tanh()]
    model = nn.Sequential(*layers)
    fill(model)
    return mg.draw(model, mg.linspace(-1.0, 1.0, 96).reshape(4, 24))


class Steps(nn.Module):
    """A recurrent cell, called once for each step of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.RNNCell(3, 2)
        fill(self)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        h = mg.zeros(1, 2)
        for step in x:  # (T, 1, 3)
            h = self.cell(step, h)
        return h


def recurrence() -> mg.Drawing:
    """A recurrent cell called six times, drawn once: the dashed line takes its state to the next call."""
    return mg.draw(Steps(), mg.linspace(-1.0, 1.0, 18).reshape(6, 1, 3))


class AttentionHead(nn.Module):
    """Scaled dot-product attention (Vaswani et al., Attention is all you need, 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        fill(self)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        q, k, v = self.query(x), self.key(x), self.value(x)  # (T, width) each
        scores = q @ k.transpose(0, 1) / math.sqrt(q.shape[1])  # (T, T)
        return F.softmax(scores, dim=1) @ v


def attention() -> mg.Drawing:
    """An attention head on three tokens, with the work of each operation, its memory, and the line that asked."""
    x = mg.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return mg.draw(AttentionHead(2), x, flops=True, bytes=True, lines=True)


def shape_error() -> mg.Drawing:
    """The graph up to an exception: the operation that failed, and the shapes that did not fit."""
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(2, 1))
    fill(model)
    try:
        model(mg.tensor([[0.5, -2.0, 1.0, 0.25]]))
    except ValueError as error:
        return mg.draw(error)
    raise AssertionError("the shapes did fit")


PICTURES: dict[str, Callable[[], mg.Drawing]] = {
    picture.__name__: picture
    for picture in (
        perceptron, expression, loss, no_grad, clinical_train, clinical_eval, difference, kept, backward,
        backward_of_layers, second_derivative, residual, deep, recurrence, attention, shape_error,
    )
}  # fmt: skip

HEAD = """# Gallery

Every kind of picture that minigrad draws. `python docs/gallery.py` makes this page and its pictures; the code
below each is how. `fill` gives parameters round numbers, `_numbers` makes x, w and b, `_patients` a batch.

Whatever a picture shows can be switched on and off: `help(mg.viz.look.Look)` lists the switches. Every picture can
be had as `theme="dark"` and `theme="print"` too, and saved as .svg, .png, .pdf, .dot, .json ([the graph as
data](graph-json.md)) or .html (a page that plays it).
"""
THEMES = """## Themes

The same picture in the dark theme, and in the one for printing, which needs no colour:

![The perceptron, dark](gallery/perceptron-dark.svg)

![The perceptron, to be printed](gallery/perceptron-print.svg)
"""


def main() -> None:
    """Write the page and its pictures."""
    docs = Path(__file__).parent
    (docs / "gallery").mkdir(exist_ok=True)
    sections = [HEAD]
    with mg.use_kernels("reference"):
        for name, picture in PICTURES.items():
            drawing = picture()
            drawing.save(docs / "gallery" / f"{name}.svg")
            text = inspect.getdoc(picture) or ""
            title = name.replace("_", " ").capitalize()
            code = inspect.getsource(picture)
            sections.append(f"## {title}\n\n{text}\n\n![{text}](gallery/{name}.svg)\n\n```python\n{code}```\n")
        for theme in ("dark", "print"):
            perceptron().redraw(theme=theme).save(docs / "gallery" / f"perceptron-{theme}.svg")
    (docs / "gallery.md").write_text("\n".join([*sections, THEMES]), encoding="utf-8")


if __name__ == "__main__":
    main()
