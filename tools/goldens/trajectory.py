"""Writes trajectory.json: 50 training steps of two small networks, from PyTorch in float64 and in float32.

Weights and batches come from generated.py, so the file stores only their seeds. Layouts are evenkeel's:
images [N, H, W, C], convolution weights [KH, KW, C, O], linear weights [in, out], flatten in (h, w, c) order.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

import generated

STEPS, BATCH, RATE, EPSILON, DECAY = 50, 32, 1e-3, 1e-5, 0.9
OUT = Path(__file__).parents[2] / "packages/evenkeel/test/goldens/trajectory.json"


class ChannelsLastFlatten(nn.Module):
    """[N, C, H, W] to [N, H * W * C]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


def cnn() -> tuple[nn.Module, list[dict]]:
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(1, 32, 3))
    model.add_module("relu", nn.ReLU())
    model.add_module("norm", nn.BatchNorm2d(32, eps=EPSILON, momentum=1 - DECAY))
    model.add_module("pool", nn.MaxPool2d(2))
    model.add_module("flatten", ChannelsLastFlatten())
    model.add_module("linear", nn.Linear(5408, 10))
    return model, [
        {"name": "conv.weight", "shape": [3, 3, 1, 32], "seed": 101, "bound": 2.0**-2},
        {"name": "conv.bias", "shape": [32], "seed": 102, "bound": 2.0**-3},
        {"name": "linear.weight", "shape": [5408, 10], "seed": 103, "bound": 2.0**-6},
        {"name": "linear.bias", "shape": [10], "seed": 104, "bound": 2.0**-6},
    ]


# Of 201, 211 and so on the first with which no input of a ReLU comes nearer to 0 than 3e-5 in all 50 steps of float64. Steps in float32
# are off by up to 2e-5 there after a while; on the other side of a kink the gradient is another one, and the paths part.
MLP_SEED, NEAREST = 1021, 3e-5


def mlp() -> tuple[nn.Module, list[dict]]:
    """Without biases in front of the norms: their gradient is zero but for rounding, which Adam would blow up."""
    sizes = [784, 128, 64, 10]
    bounds = [2.0**-5, 2.0**-3, 2.0**-3]
    model, weights = nn.Sequential(), []
    model.add_module("flatten", ChannelsLastFlatten())
    for i, bound in enumerate(bounds):
        model.add_module(f"linear{i}", nn.Linear(sizes[i], sizes[i + 1], bias=i == 2))
        weights.append({"name": f"linear{i}.weight", "shape": sizes[i : i + 2], "seed": MLP_SEED + 2 * i, "bound": bound})
        if i < 2:
            model.add_module(f"norm{i}", nn.BatchNorm1d(sizes[i + 1], eps=EPSILON, momentum=1 - DECAY))
            model.add_module(f"relu{i}", nn.ReLU())
    weights.append({"name": "linear2.bias", "shape": [10], "seed": MLP_SEED + 5, "bound": bounds[2]})
    return model, weights


def ours(tensor: torch.Tensor) -> np.ndarray:
    """A PyTorch weight in evenkeel's layout: [O, C, KH, KW] to [KH, KW, C, O], [out, in] to [in, out]."""
    order = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[tensor.ndim]
    return tensor.detach().numpy().transpose(order)


def theirs(array: np.ndarray) -> torch.Tensor:
    order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[array.ndim]
    return torch.from_numpy(np.ascontiguousarray(array.transpose(order)))


def train(make, dtype: torch.dtype) -> dict:
    model, weights = make()
    model.to(dtype)
    named = dict(model.named_parameters())
    with torch.no_grad():
        for w in weights:
            named[w["name"]].copy_(theirs(generated.uniform(w["seed"], w["shape"], w["bound"])))
    biased = watch_biased_variance(model)
    if make is mlp and dtype == torch.float64:
        refuse_kinks(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    losses = [step(model, optimizer, i, dtype) for i in range(STEPS)]
    digits = 12 if dtype == torch.float64 else 9
    return {
        "losses": rounded(losses, digits),
        "running": {
            name: {
                "mean": rounded(norm.running_mean, digits),
                "variance": rounded(norm.running_var, digits),
                "biasedVariance": rounded(biased[name], digits),
            }
            for name, norm in norms(model).items()
        },
        "weights": {name: checksum(p, digits) for name, p in named.items()},
    }


def step(model: nn.Module, optimizer: torch.optim.Optimizer, index: int, dtype: torch.dtype) -> float:
    images, labels = generated.batch(index, BATCH)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(dtype)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), torch.from_numpy(labels))
    loss.backward()
    optimizer.step()
    return loss.item()


def norms(model: nn.Module) -> dict[str, nn.Module]:
    return {name: m for name, m in model.named_modules() if name.startswith("norm")}


def watch_biased_variance(model: nn.Module) -> dict[str, torch.Tensor]:
    """Running variances as a framework keeps them that does not multiply the batch variance by n / (n - 1)."""
    running: dict[str, torch.Tensor] = {}
    for name, norm in norms(model).items():
        running[name] = torch.ones_like(norm.running_var)

        def hook(_module: nn.Module, args: tuple, name: str = name) -> None:
            x = args[0].detach()
            variance = x.var(dim=[d for d in range(x.ndim) if d != 1], unbiased=False)
            running[name] = DECAY * running[name] + (1 - DECAY) * variance

        norm.register_forward_pre_hook(hook)
    return running


def refuse_kinks(model: nn.Module) -> None:
    def hook(_module: nn.Module, args: tuple) -> None:
        assert args[0].abs().min() > NEAREST, "the path comes too near to a kink: take another seed"

    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(hook)


def checksum(parameter: torch.Tensor, digits: int) -> dict:
    """Sum, sum of squares and four elements (at 0, 1/3, 2/3 and the end) in evenkeel's layout."""
    flat = np.ascontiguousarray(ours(parameter)).reshape(-1).astype(np.float64)
    at = [0, flat.size // 3, 2 * flat.size // 3, flat.size - 1]
    return {
        "sum": rounded(flat.sum(), digits),
        "squares": rounded((flat * flat).sum(), digits),
        "at": at,
        "values": rounded(flat[at], digits),
    }


def rounded(values, digits: int):
    if isinstance(values, (list, np.ndarray, torch.Tensor)):
        return [rounded(float(v), digits) for v in values]
    return float(f"{values:.{digits}g}")


def main() -> None:
    torch.set_num_threads(1)
    networks = {}
    for name, make in {"cnn": cnn, "mlp": mlp}.items():
        networks[name] = {
            "initial": make()[1],
            "float64": train(make, torch.float64),
            "float32": train(make, torch.float32),
        }
    golden = {
        "script": "tools/goldens/trajectory.py",
        "versions": {"torch": torch.__version__.split("+")[0], "numpy": np.__version__},
        "steps": STEPS, "batchSize": BATCH, "rate": RATE, "epsilon": EPSILON, "decay": DECAY,
        "networks": networks,
    }
    OUT.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
