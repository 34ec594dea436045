"""Writes norms-dialects.json: how frameworks that are not run here average the statistics of batch normalization.

Their sources say it (the files are named below); the formulas here are written as they stand there, sums and all.
"""

from collections.abc import Callable

import numpy as np
import torch

from norms_cases import NormCase, Tensors, affine, many, recipe, write


class Running:
    """Mean 0 and variance 1 at first, decay the weight of the old value, `corrected` the batch variance's factor from its count."""

    def __init__(self, decay: float, corrected: Callable[[int], float]):
        self.decay, self.corrected = decay, corrected
        self.mean, self.variance = torch.zeros(1), torch.ones(1)

    def add(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
        self.mean = self.mean * self.decay + mean * (1 - self.decay)
        self.variance = self.variance * self.decay + variance * self.corrected(count) * (1 - self.decay)

    def value(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.mean, self.variance


class Sums:
    """Caffe: blobs of sums and of their weight, divided when they are used (src/caffe/layers/batch_norm_layer.cpp)."""

    def __init__(self, fraction: float):
        self.fraction = fraction
        self.weight = self.mean = self.variance = torch.zeros(1)

    def add(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
        self.weight = self.fraction * self.weight + 1
        self.mean = self.fraction * self.mean + mean
        self.variance = self.fraction * self.variance + variance * (count / (count - 1) if count > 1 else 1)

    def value(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.mean / self.weight, self.variance / self.weight


DIALECTS = {
    # core/kernels/fused_batch_norm_op.cc of TensorFlow, defaults of tf.keras 2 (rank 4 and 5)
    "tfFused": (1e-3, lambda: Running(0.99, lambda count: count / max(count - 1, 1))),
    "caffe": (1e-5, lambda: Sums(0.999)),
    # BatchNormalization-15 of ONNX: "population variance"
    "onnx": (1e-5, lambda: Running(0.9, lambda _: 1)),
    # flax/linen/normalization.py: the same variance for the output and for the average
    "flax": (1e-5, lambda: Running(0.99, lambda _: 1)),
}


class Dialect:
    def __init__(self, options: dict, state: Tensors):
        self.epsilon, make = DIALECTS[options["dialect"]]
        self.averages = make()
        self.scale, self.shift = (state[k].requires_grad_() for k in ("scale", "shift"))

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        axes = list(range(x.ndim - 1))
        mean, variance = x.mean(axes), x.var(axes, unbiased=False)
        if step.get("mode") == "eval":
            mean, variance = self.averages.value()
        else:
            self.averages.add(mean.detach(), variance.detach(), x.numel() // x.shape[-1])
        return (x - mean) / torch.sqrt(variance + self.epsilon) * self.scale + self.shift

    def params(self) -> Tensors:
        return {"scale": self.scale, "shift": self.shift}

    def running(self) -> Tensors:
        return dict(zip(("runningMean", "runningVariance"), self.averages.value()))


def cases() -> list[NormCase]:
    return [
        NormCase("2.1", f"{dialect}, {name}", "batchNorm", {"dialect": dialect}, recipe(shape, slope=0.5),
                 [*many(), {"mode": "eval", "values": True}], lambda o, _, t: Dialect(o, t), affine(3))
        for dialect in DIALECTS for name, shape in (("images", [5, 3, 5, 3]), ("two values per channel", [2, 1, 1, 3]))
    ]


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    versions = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    write("norms-dialects", "norms_dialects.py", versions, cases())


if __name__ == "__main__":
    main()
