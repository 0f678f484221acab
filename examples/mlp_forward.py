"""A forward pass, step by step: a handwritten digit goes through a trained perceptron.

    python examples/mlp_forward.py
    python examples/mlp_forward.py --net ten --digit 7 --draw seven.svg seven.png

Prints the digit, every layer's z and a, the decision, and the accuracy over the held-out images; shows that
recording, eval() and no_grad give the same answer; and draws the recorded graph.
"""

from __future__ import annotations

import sys
from pathlib import Path

import minigrad as mg
from digits import NETS, Classifier, ZeroOrOne, accuracy, load_images, weights_file
from script import Script, printable, run

SHADES, PLAIN_SHADES = " ░▒▓█", " .:*#"


def main(arguments: list[str] | None = None) -> None:
    script = Script("A forward pass, step by step: a handwritten digit goes through a trained perceptron.")
    script.add_argument("--net", choices=NETS, default="zero-or-one", help="which of the two nets")
    script.add_argument("--digit", type=int, default=0, metavar="I", help="which of the held-out images")
    script.add_argument("--weights", type=Path, metavar="FILE", help="other weights than the trained ones")
    script.set_defaults(draw=[Path("mlp_forward.svg")])
    chosen = script.read(arguments)

    # Whatever can be wrong is found here, before anything is written.
    model = NETS[chosen.net]()
    try:
        model.load_state_dict(mg.load(chosen.weights or weights_file(chosen.net)))
    except ValueError as error:  # no such file, damaged, or weights of another net
        script.error(str(error))
    _, held_out = load_images(model.digits)
    if not 0 <= chosen.digit < len(held_out):
        script.error(f"--digit must be 0 to {len(held_out) - 1}, not {chosen.digit}")

    model.eval()
    image, label = held_out[chosen.digit : chosen.digit + 1]  # (1, 64), (1,)
    model(image)  # so that the times below are those of the second call, without loading kernels
    recorded = mg.trace(model, image)
    drawing = mg.draw(recorded)
    for file in chosen.draw:
        script.save(drawing.save, file)
    if chosen.play:
        loss = model.loss(image, label)
        script.save(mg.play(loss, names={"image": image, "loss": loss}).save, chosen.play)

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a path that the terminal cannot show has a ? in it
    print(f"Held-out image {chosen.digit}, labelled {label.item()}:\n\n{picture(image)}\n")
    print(f"Forward pass, {recorded.flops:,} FLOPs in {recorded.seconds * 1e3:.3f} ms:\n\n{recorded}\n")
    print(verdict(model, recorded.output, label.item()))
    print(f"Held-out images: {accuracy(model, held_out):.2%} of {len(held_out)} are right.\n")
    print(proof(model, image, recorded))
    for file in chosen.draw:
        print(f"The graph is in {file}")
    if chosen.play:
        print(f"The page that plays it, with its loss, is {chosen.play}")


def picture(image: mg.Tensor) -> str:
    """An image of 64 numbers in [0, 1] as eight lines of text."""
    rows, shades = image.reshape(8, 8).tolist(), printable(SHADES, PLAIN_SHADES)
    return "\n".join("    " + "".join(shades[round(ink * (len(shades) - 1))] * 2 for ink in row) for row in rows)


def verdict(model: Classifier, p: mg.Tensor, label: int) -> str:
    """The probability, the decision, and whether it is right."""
    digit = model.decide(p.detach()).item()
    if isinstance(model, ZeroOrOne):
        sign = ">=" if digit else "<"
        reason = f"The probability of a 1 is {p.item():.4f}, {sign} 0.5"
    else:
        reason = f"The largest probability is {p[0, digit].item():.4f}"
    return f"{reason}: it is a {digit}, which is {'right' if digit == label else f'wrong, it is a {label}'}."


def proof(model: Classifier, image: mg.Tensor, recorded: mg.Trace) -> str:
    """The same input recorded in training mode, in eval() and under no_grad."""
    model.train()
    training = mg.trace(model, image)
    model.eval()
    with mg.no_grad():
        unrecorded = mg.trace(model, image)
    ways = {"recorded, train()": training, "recorded, eval()": recorded, "no_grad, eval()": unrecorded}
    lines = [
        f"    {name:<18} largest output {way.output.max().item():.7f}   "
        f"nodes recorded {way.nodes}   bytes kept {way.kept_bytes:,}"
        for name, way in ways.items()
    ]
    same = all(way.output.tolist() == recorded.output.tolist() for way in ways.values())
    return "\n".join(
        [f"Three ways to run it, outputs equal to the last bit: {'yes' if same else 'no'}", *lines, ""]
    )


if __name__ == "__main__":
    run(main)
