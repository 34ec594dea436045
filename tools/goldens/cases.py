"""One golden case: a function of named arrays, its value and its gradients."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

import generated

Arrays = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Case:
    """`compute` gets the inputs in evenkeel's layout and returns the output in it; more outputs go into `extra`."""

    name: str
    op: str
    options: dict
    inputs: Arrays
    compute: Callable[[Arrays], torch.Tensor]
    extra: Callable[[Arrays], Arrays] | None = field(default=None)

    def record(self) -> dict:
        leaves = {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in self.inputs.items()}
        output = self.compute(leaves)
        upstream = coarse(sum(self.name.encode()) + 77, list(output.shape))
        wanted = {k: v for k, v in leaves.items() if v.is_floating_point() and k not in self.options.get("fixed", [])}
        gradients = torch.autograd.grad(output, list(wanted.values()), upstream)
        record = {
            "name": self.name, "op": self.op,
            "options": {k: v for k, v in self.options.items() if k != "fixed"},
            "inputs": {k: dense(v) for k, v in self.inputs.items()},
            "output": dense(output), "upstream": dense(upstream),
            "gradients": {k: dense(g) for k, g in zip(wanted, gradients)},
        }
        if self.extra is not None:
            record["extra"] = {k: dense(v) for k, v in self.extra(self.inputs).items()}
        return record


def coarse(seed: int, shape: list[int], low: float = -2, high: float = 2, step: float = 1 / 16) -> torch.Tensor:
    """Multiples of `step` in [low, high): short in JSON and exact in float32."""
    count = int((high - low) / step)
    levels = generated.bits(seed, int(np.prod(shape))) % np.uint32(count)
    return torch.from_numpy((levels.astype(np.float64) * step + low).reshape(shape))


def whole(seed: int, shape: list[int], below: int) -> torch.Tensor:
    levels = generated.bits(seed, int(np.prod(shape))) % np.uint32(below)
    return torch.from_numpy(levels.astype(np.int64).reshape(shape))


def dense(tensor: torch.Tensor) -> dict:
    values = [short(v) for v in tensor.detach().reshape(-1).tolist()]
    return {"shape": list(tensor.shape), "data": values}


def short(value: float) -> float | int:
    """Nine significant digits; whole numbers without a point."""
    rounded = float(f"{value:.9g}")
    return int(rounded) if rounded == int(rounded) else rounded
