"""PyTorch's normalization within each sample."""

import torch
from torch import nn

from norms_cases import NormCase, affine, many, recipe, statistics
from norms_torch_layer import TorchLayer, Trailing, arguments

ONCE = [{"values": True}]
TWICE = [{"values": True, "second": True}]
# PyTorch's default for float32, here made explicit because the goldens are computed in float64.
FLOAT32 = float(torch.finfo(torch.float32).eps)


def cases() -> list[NormCase]:
    return [*instance_norms(), *group_norms(), *layer_norms(), *rms_norms(), *response_norms()]


def instance_norms() -> list[NormCase]:
    modules = {3: nn.InstanceNorm1d, 4: nn.InstanceNorm2d, 5: nn.InstanceNorm3d}

    def case(name: str, shape: list[int], steps: list[dict] = ONCE, state: dict | None = None, **options) -> NormCase:
        state = (affine(shape[-1]) if options.get("affine") else {}) | (state or {})
        return NormCase(
            "6.1.10", f"instanceNorm {name}", "instanceNorm", options, recipe(shape, slope=0.5), steps,
            lambda o, s, t: TorchLayer(modules[len(s)](s[o.get("axis", -1)], **arguments(o)), t, o), state,
        )

    running = {"affine": True, "track_running_stats": True}
    return [
        case("rank 3", [5, 7, 3]), case("rank 4", [5, 3, 5, 3]), case("rank 5", [2, 3, 1, 5, 3]),
        case("with affine", [5, 3, 5, 3], TWICE, affine=True), case("one channel", [2, 3, 5, 1], affine=True),
        case("with running statistics", [5, 3, 5, 3], many(), **running),
        case("with running statistics, evaluation", [5, 3, 5, 3], [{"values": True, "running": True, "mode": "eval"}],
             statistics(3), **running),
        case("eps 0.25", [2, 3, 5, 3], eps=0.25),
    ]


def group_norms() -> list[NormCase]:
    def case(name: str, shape: list[int], groups: int, steps: list[dict] = ONCE, **options) -> NormCase:
        channels = shape[options.get("axis", -1)]
        x = recipe(shape, slope=0.5) | ({"axis": options["axis"]} if "axis" in options else {})
        return NormCase(
            "6.1.10", f"groupNorm {name}", "groupNorm", {"num_groups": groups, **options}, x, steps,
            lambda o, s, t: TorchLayer(nn.GroupNorm(num_channels=channels, **arguments(o)), t, o),
            affine(channels) if options.get("affine", True) else {},
        )

    image = [5, 3, 5, 6]
    return [
        case("3 groups", image, 3, TWICE), case("1 group", image, 1), case("a group for each channel", image, 6),
        case("2 groups of 17", [2, 3, 34], 2), case("rank 2", [5, 6], 2), case("rank 3", [5, 7, 6], 2),
        case("rank 5", [2, 3, 1, 5, 6], 3), case("without affine", image, 2, affine=False),
        case("eps 0.25", image, 2, eps=0.25), case("axis 1", [5, 6, 3, 5], 3, axis=1),
    ]


def layer_norms() -> list[NormCase]:
    def case(name: str, shape: list[int], axes: int, steps: list[dict] = ONCE, **options) -> NormCase:
        normalized = shape[-axes:]
        state = {"scale": recipe(normalized, bound=0.5, offset=1), "shift": recipe(normalized, bound=1)}
        if not options.get("bias", True):
            del state["shift"]
        return NormCase(
            "6.1.10", f"layerNorm {name}", "layerNorm", {"normalized_shape": normalized, **options}, recipe(shape, slope=0.25), steps,
            lambda o, s, t: Trailing(nn.LayerNorm(**arguments(o)), t, o), state if options.get("elementwise_affine", True) else {},
        )

    image = [5, 3, 5, 6]
    return [
        case("one axis", image, 1, TWICE), case("two axes", image, 2), case("three axes", image, 3, TWICE),
        case("rank 2", [5, 17], 1), case("rank 2, 32 samples", [32, 3], 1), case("rank 5", [2, 3, 1, 5, 3], 2),
        case("an axis of one", [2, 3, 1, 5], 2), case("without affine", image, 1, elementwise_affine=False),
        case("without shift", image, 1, bias=False), case("eps 0.25", image, 1, eps=0.25),
    ]


def rms_norms() -> list[NormCase]:
    def case(name: str, shape: list[int], axes: int = 1, steps: list[dict] = ONCE, **options) -> NormCase:
        normalized = shape[-axes:]
        full = {"eps": FLOAT32, **options}
        return NormCase(
            "6.1.10", f"rmsNorm {name}", "rmsNorm", {"normalized_shape": normalized, **full}, recipe(shape, slope=0.25), steps,
            lambda o, s, t: Trailing(nn.RMSNorm(**arguments(o)), t, o),
            {"scale": recipe(normalized, bound=0.5, offset=1)} if options.get("elementwise_affine", True) else {},
        )

    image = [5, 3, 5, 6]
    return [
        case("default eps", image), case("eps 0.25, inside the root", image, 1, TWICE, eps=0.25), case("two axes", image, 2),
        case("rank 2", [5, 17]), case("without scale", image, elementwise_affine=False),
    ]


def response_norms() -> list[NormCase]:
    def case(name: str, shape: list[int], steps: list[dict] = ONCE, **options) -> NormCase:
        return NormCase(
            "6.1.10", f"localResponseNorm {name}", "localResponseNorm", options, recipe(shape, slope=0.25), steps,
            lambda o, s, t: TorchLayer(nn.LocalResponseNorm(**arguments(o)), t, o),
        )

    image, strong = [2, 3, 5, 7], {"alpha": 0.5, "beta": 0.75, "k": 1.5}
    return [
        case("size 5", image, TWICE, size=5, **strong), case("size 4, one more before than after", image, size=4, **strong),
        case("size 2", image, size=2, **strong), case("size 1", image, size=1, **strong),
        case("window wider than the channels", [2, 3, 5, 3], size=9, **strong), case("defaults", image, size=5),
        case("rank 3", [2, 5, 7], size=3, **strong),
    ]
