"""The kernels at small shapes, for NVIDIA's checkers to watch; ``kernels/cuda/test_sanitiser.py`` starts it.

    compute-sanitizer --tool memcheck python tests/sanitised.py

Every operation of the table with its derivatives, matrix products around the edges of tiles, lines of every walk,
and the steps of the optimisers. Each array has memory of its own, so that the checker sees every step beyond one.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

import minigrad as mg
from minigrad import kernels, nn
from ops_table import TABLE, Row, tensors


def of_the_table(rows: Sequence[Row], samples: int) -> None:
    """Forward and backward, of the first samples of each row."""
    for row in rows:
        for sample in list(row.samples)[:samples]:
            there = [t.detach().cuda().requires_grad_(row.differentiable) for t in tensors(sample, "float32")]
            out = row.function(mg, *there)
            if row.differentiable:
                mg.grad(out.sum(), there, allow_unused=True)


def products(sizes: Sequence[tuple[int, int, int]]) -> None:
    """Matrix products in each precision, with all transposes."""
    cuda, rng = kernels.load("cuda"), np.random.default_rng(0)
    for precision in ("highest", "high", "medium", "fp16"):
        mg.set_float32_matmul_precision(precision)
        for M, N, K in sizes:
            for turned in (False, True):
                shapes = ((K, M), (N, K)) if turned else ((M, K), (K, N))
                x, y = (cuda.to_device(rng.standard_normal(s, np.float32), 0) for s in shapes)
                given = (x.transpose((1, 0)), y.transpose((1, 0))) if turned else (x, y)
                cuda.matmul(*given).compute()  # what nobody holds is not launched by itself
    mg.set_float32_matmul_precision("highest")


def lines(sizes: Sequence[int]) -> None:
    """Softmax, its derivative, sums, norms and cross-entropy of lines of these sizes."""
    for n in sizes:
        x = mg.randn(5, n, device="cuda").requires_grad_()
        y = mg.tensor([0, n - 1, 0, n // 2, 0], device="cuda")
        parts = x.softmax(1), x.log_softmax(1), nn.functional.layer_norm(x, (n,)), x.T.softmax(0)
        loss = (
            sum((part * part).sum() for part in parts) + nn.functional.cross_entropy(x, y) + x.logsumexp(1).sum()
        )
        mg.grad(loss + x.sum(0).amax() + x.var(1).sum(), [x])


def steps() -> None:
    """A step of each optimiser, with a dropout before."""
    for name in ("SGD", "Adam", "RMSprop", "Adagrad"):
        net = nn.Sequential(nn.Linear(7, 5), nn.Dropout(0.5), nn.Linear(5, 3)).cuda()
        step = getattr(mg.optim, name)(net.parameters(), lr=0.1)
        for _ in range(2):
            step.zero_grad()
            net(mg.randn(4, 7, device="cuda")).sum().backward()
            step.step()


PRODUCTS = [(1, 1, 1), (31, 33, 17), (64, 64, 16), (65, 129, 15), (130, 70, 100), (5, 3, 700)]
LINES = [1, 7, 63, 64, 65, 128, 1023, 1024, 1028, 4096, 8192, 8196]


def main(
    rows: Sequence[Row] = TABLE,
    samples: int = 6,
    sizes: Sequence[tuple[int, int, int]] = PRODUCTS,
    lengths: Sequence[int] = LINES,
) -> None:
    """All of it, or a part."""
    from exact_memory import exact_memory  # which needs CUDA

    with exact_memory():
        of_the_table(rows, samples)
        products(sizes)
        lines(lengths)
        steps()
        mg.cuda.synchronize()
        gc.collect()


if __name__ == "__main__":
    main()
    print("everything has run")
