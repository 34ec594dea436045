"""Modules of torch.nn behind evenkeel's layout and names."""

import torch
from torch import nn

from norms_cases import Tensors

NAMES = {
    "weight": "scale", "bias": "shift", "running_mean": "runningMean", "running_var": "runningVariance",
    "num_batches_tracked": "count",
}
# Options of a case that are not arguments of a module.
OURS = {"axis", "view", "order", "frozen", "shards", "kind"}


def arguments(options: dict) -> dict:
    return {k: v for k, v in options.items() if k not in OURS}


class TorchLayer:
    """The channels stand on `axis` of x; the module wants them on axis 1."""

    def __init__(self, module: nn.Module, state: Tensors, options: dict):
        self.module, self.options = module, options
        with torch.no_grad():
            for name, ours in NAMES.items():
                if ours in state:
                    getattr(module, name).copy_(state[ours])
        if options.get("frozen"):
            module.requires_grad_(False)

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        self.module.train(step.get("mode", "train") == "train" and not self.options.get("frozen"))
        if "track" in step:
            self.module.track_running_stats = step["track"]
        return self.forward(x, self.options.get("axis", -1))

    def forward(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return self.module(x.movedim(axis, 1)).movedim(1, axis)

    def params(self) -> Tensors:
        return {NAMES[k]: p for k, p in self.module.named_parameters()}

    def running(self) -> Tensors:
        return {NAMES[k]: b.clone() for k, b in self.module.named_buffers() if b is not None}


class Trailing(TorchLayer):
    """A module that normalizes the trailing axes in place."""

    def forward(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return self.module(x)


class Twice(TorchLayer):
    """The same module on the input and on twice the input, added."""

    def forward(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return super().forward(x, axis) + super().forward(2 * x, axis)


class Native(TorchLayer):
    """Batch normalization past the module, which refuses eps = 0 in training."""

    def forward(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        m = self.module
        running = (m.running_mean, m.running_var, m.training, m.momentum, m.eps, False)
        return torch.batch_norm(x.movedim(axis, 1), m.weight, m.bias, *running).movedim(1, axis)
