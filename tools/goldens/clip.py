"""Writes clip.json: adaptive gradient clipping by the formulas of two codes, in float64.

`timm` is timm/utils/agc.py (adaptive_clip_grad), on weights [out, in, ...] as PyTorch has them; `nfnets` is optim.py of deepmind-research/nfnets
(the authors'), on [..., in, out]. They agree but on matrices of one row, which the authors take for a vector, and on weights of rank 3
and 5, which they leave to others; there timm's are kept. Weights are written as [..., in, out].
"""

import json
from pathlib import Path

import numpy as np
import torch

from cases import coarse, dense

OUT = Path(__file__).parents[2] / "packages/evenkeel/test/goldens/clip.json"


def timm(weight: torch.Tensor, gradient: torch.Tensor, ratio: float, epsilon: float) -> torch.Tensor:
    def unitwise_norm(x: torch.Tensor) -> torch.Tensor:
        return x.norm(2.0) if x.ndim <= 1 else x.norm(2.0, dim=tuple(range(1, x.ndim)), keepdim=True)

    w, g = (t.movedim(-1, 0) if t.ndim > 1 else t for t in (weight, gradient))
    max_norm = unitwise_norm(w).clamp(min=epsilon).mul(ratio)
    grad_norm = unitwise_norm(g)
    clipped = torch.where(grad_norm < max_norm, g, g * (max_norm / grad_norm.clamp(min=1e-6)))
    return clipped.movedim(0, -1) if weight.ndim > 1 else clipped


def nfnets(weight: torch.Tensor, gradient: torch.Tensor, ratio: float, epsilon: float) -> torch.Tensor:
    def unitwise_norm(x: np.ndarray) -> np.ndarray:
        axis = None if np.squeeze(x).ndim <= 1 else {2: 0, 4: (0, 1, 2)}[x.ndim]
        return np.sum(x**2, axis=axis, keepdims=x.ndim > 1) ** 0.5

    w, g = weight.numpy(), gradient.numpy()
    max_norm = np.maximum(unitwise_norm(w), epsilon) * ratio
    grad_norm = unitwise_norm(g)
    return torch.from_numpy(np.where(grad_norm < max_norm, g, g * (max_norm / np.maximum(grad_norm, 1e-6))))


def record(name: str, shape: list[int], ratio: float = 0.01, epsilon: float = 1e-3, weight: float = 1, gradient: float = 1) -> dict:
    """`weight` and `gradient` scale all of them; the second unit's weights and the third unit's gradient are 0 where there are so many."""
    w, g = coarse(500, shape) * weight, coarse(501, shape) * gradient
    if len(shape) > 1 and shape[-1] > 2:
        w[..., 1], g[..., 2] = 0, 0
    clipped = timm(w, g, ratio, epsilon)
    if len(shape) in (0, 1, 2, 4) and not (len(shape) == 2 and shape[0] == 1):
        assert torch.allclose(clipped, nfnets(w, g, ratio, epsilon), rtol=1e-12, atol=0), name
    return {"name": name, "ratio": ratio, "epsilon": epsilon, "weight": dense(w), "gradient": dense(g), "clipped": dense(clipped)["data"]}


def main() -> None:
    torch.set_default_dtype(torch.float64)
    cases = [
        record("a linear layer", [3, 4]), record("a convolution", [2, 2, 3, 4]), record("a depthwise convolution", [3, 3, 1, 4]),
        record("over time", [3, 2, 4]), record("over volumes", [2, 2, 2, 1, 3]), record("one input", [1, 4]), record("one output", [4, 1]),
        record("a vector", [5]), record("a scalar", []), record("a large ratio leaves most", [3, 4], ratio=0.9),
        record("small weights count as epsilon", [3, 4], weight=2**-14), record("a large epsilon", [3, 4], epsilon=3),
        record("small gradients stay", [3, 4], gradient=2**-12), record("lengths below 1e-6 stay too", [3, 4], ratio=2**-10, epsilon=2**-12, weight=2**-20, gradient=2**-26),
        record("gradients below 1e-6 that are too long", [3, 4], ratio=2**-14, epsilon=2**-14, weight=2**-20, gradient=2**-23),
    ]
    head = json.dumps({"script": "tools/goldens/clip.py", "versions": {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}})[:-1]
    text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    OUT.write_text(f'{head}, "cases": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
