"""Golden cases of the layers whose layout differs between PyTorch (channels first) and evenkeel (channels last)."""

import torch
from torch.nn import functional as F

from cases import Arrays, Case, coarse


def cases() -> list[Case]:
    return [*convolutions(), *max_pools(), *average_pools(), *batch_norms(), *other_norms()]


def first(x: torch.Tensor) -> torch.Tensor:
    """[N, H, W, C] to [N, C, H, W]."""
    return x.permute(0, 3, 1, 2)


def last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def convolutions() -> list[Case]:
    shapes = {
        "valid": ([2, 5, 6, 3], [3, 3, 3, 4], {}),
        "padded": ([2, 5, 6, 3], [3, 3, 3, 4], {"padding": [1, 1]}),
        "uneven kernel and padding": ([1, 5, 6, 2], [3, 2, 2, 3], {"padding": [1, 0]}),
        "strided": ([2, 7, 8, 2], [3, 3, 2, 3], {"stride": [2, 2], "padding": [1, 1]}),
        "stride leaves a remainder": ([1, 6, 7, 2], [3, 3, 2, 2], {"stride": [2, 3]}),
        "dilated": ([1, 7, 7, 2], [3, 3, 2, 3], {"dilation": [2, 2], "padding": [2, 2]}),
        "strided and dilated": ([1, 9, 8, 2], [3, 2, 2, 2], {"stride": [2, 1], "dilation": [2, 3], "padding": [1, 2]}),
        "grouped": ([2, 5, 5, 4], [3, 3, 2, 6], {"groups": 2, "padding": [1, 1]}),
        "depthwise": ([2, 5, 5, 3], [3, 3, 1, 3], {"groups": 3, "padding": [1, 1]}),
        "depthwise with multiplier": ([1, 6, 6, 2], [3, 3, 1, 4], {"groups": 2, "stride": [2, 2], "padding": [1, 1]}),
        "pointwise": ([2, 3, 4, 5], [1, 1, 5, 3], {}),
        "first layer": ([2, 8, 8, 1], [3, 3, 1, 8], {}),
    }
    return [convolution(i, name, *rest) for i, (name, rest) in enumerate(shapes.items())]


def convolution(index: int, name: str, x: list[int], w: list[int], options: dict) -> Case:
    full = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1, **options}
    inputs = {"x": coarse(10 + index, x), "w": coarse(40 + index, w, -1, 1), "bias": coarse(70 + index, [w[3]])}

    def compute(a: Arrays) -> torch.Tensor:
        return last(F.conv2d(first(a["x"]), a["w"].permute(3, 2, 0, 1), a["bias"], **full))

    return Case(f"conv2d {name}", "conv2d", full, inputs, compute)


def max_pools() -> list[Case]:
    """Values are quarters in [-1, 1), so windows have ties: the first maximum in (h, w) order gets the gradient."""
    shapes = {
        "two by two": ([2, 4, 6, 2], [2, 2], [2, 2], [0, 0]),
        "remainder dropped": ([1, 5, 7, 2], [2, 2], [2, 2], [0, 0]),
        "overlapping, padded": ([1, 6, 6, 2], [3, 3], [2, 2], [1, 1]),
        "stride one": ([1, 4, 5, 2], [3, 2], [1, 1], [1, 0]),
    }
    return [
        Case(
            f"maxPool2d {name}", "maxPool2d", {"window": window, "stride": stride, "padding": padding},
            {"x": coarse(100 + i, x, -1, 1, 0.25)},
            lambda a, k=(window, stride, padding): last(F.max_pool2d(first(a["x"]), *k)),
        )
        for i, (name, (x, window, stride, padding)) in enumerate(shapes.items())
    ]


def average_pools() -> list[Case]:
    shapes = {
        "two by two": ([2, 4, 6, 2], [2, 2], [2, 2], [0, 0], True),
        "padding counted": ([1, 5, 6, 2], [3, 3], [2, 2], [1, 1], True),
        "padding not counted": ([1, 5, 6, 2], [3, 3], [2, 2], [1, 1], False),
    }
    return [
        Case(
            f"avgPool2d {name}", "avgPool2d",
            {"window": window, "stride": stride, "padding": padding, "countPadding": counted},
            {"x": coarse(110 + i, x)},
            lambda a, k=(window, stride, padding), c=counted: last(F.avg_pool2d(first(a["x"]), *k, count_include_pad=c)),
        )
        for i, (name, (x, window, stride, padding, counted)) in enumerate(shapes.items())
    ]


def batch_norms() -> list[Case]:
    """`decay` is the weight of the old running value, one minus PyTorch's momentum."""
    out = []
    for i, (name, x, training, shift) in enumerate([
        ("training", [2, 3, 4, 3], True, 0), ("evaluation", [2, 3, 4, 3], False, 0),
        ("training, rank 2", [6, 4], True, 0), ("training, far from zero", [2, 3, 4, 3], True, 4096),
    ]):
        c = x[-1]
        inputs = {
            "x": coarse(120 + i, x) + shift, "scale": coarse(130 + i, [c]), "shift": coarse(140 + i, [c]),
            "mean": coarse(150 + i, [c]), "variance": coarse(160 + i, [c], 0.5, 2),
        }
        options = {"epsilon": 1e-5, "decay": 0.9, "training": training, "fixed": ["mean", "variance"]}
        out.append(Case(f"batchNorm {name}", "batchNorm", options, inputs, batch_norm(training), running if training else None))
    return out


def batch_norm(training: bool):
    def compute(a: Arrays) -> torch.Tensor:
        x = a["x"].movedim(-1, 1)
        mean, variance = a["mean"].detach().clone(), a["variance"].detach().clone()
        return F.batch_norm(x, mean, variance, a["scale"], a["shift"], training, 0.1, 1e-5).movedim(1, -1)

    return compute


def running(a: Arrays) -> Arrays:
    """What the running statistics become, with the unbiased batch variance (PyTorch) and with the biased one."""
    rows = a["x"].reshape(-1, a["x"].shape[-1])
    updated = {
        "mean": rows.mean(0), "variance": rows.var(0, unbiased=True), "biasedVariance": rows.var(0, unbiased=False)
    }
    old = {**a, "biasedVariance": a["variance"]}
    return {k: 0.9 * old[k] + 0.1 * v for k, v in updated.items()}


def other_norms() -> list[Case]:
    x = [2, 3, 4, 6]
    affine = {"scale": coarse(171, [6]), "shift": coarse(172, [6])}
    image = {"x": coarse(170, x), **affine}
    both = {"epsilon": 1e-5}
    return [
        Case("layerNorm", "layerNorm", both, image, lambda a: F.layer_norm(a["x"], [6], a["scale"], a["shift"], 1e-5)),
        Case("rmsNorm", "rmsNorm", both, {"x": coarse(173, x), "scale": affine["scale"]},
             lambda a: F.rms_norm(a["x"], [6], a["scale"], 1e-5)),
        Case("groupNorm", "groupNorm", {**both, "groups": 3}, image,
             lambda a: last(F.group_norm(first(a["x"]), 3, a["scale"], a["shift"], 1e-5))),
        Case("instanceNorm", "instanceNorm", both, image,
             lambda a: last(F.instance_norm(first(a["x"]), None, None, a["scale"], a["shift"], True, 0.1, 1e-5))),
        Case("localResponseNorm", "localResponseNorm", {"size": 3, "alpha": 0.25, "beta": 0.75, "k": 1.5},
             {"x": coarse(174, x)}, lambda a: last(F.local_response_norm(first(a["x"]), 3, 0.25, 0.75, 1.5))),
    ]
