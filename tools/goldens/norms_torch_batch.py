"""PyTorch's batch normalization: all ranks, momenta, modes, bad inputs."""

import torch
from torch import nn

from norms_cases import NormCase, affine, many, recipe, statistics, tensor
from norms_torch_layer import Native, TorchLayer, Twice, arguments

MODULES = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
SPATIAL = {"batchNorm1d [N, C]": [], "batchNorm1d": [7], "batchNorm2d": [3, 5], "batchNorm3d": [3, 1, 5]}
IMAGE = [5, 3, 5, 3]


def cases() -> list[NormCase]:
    return [*shapes(), *layouts(), *momenta(), *switches(), *evaluation(), *numerics(), *broken(), *shared()]


def build(options: dict, shape: list[int], state: dict, kind: type = TorchLayer) -> TorchLayer:
    return kind(MODULES[len(shape)](shape[options.get("axis", -1)], **arguments(options)), state, options)


def case(row: str, name: str, shape: list[int], steps: list[dict] | None = None, options: dict | None = None,
         state: dict | None = None, op: str = "batchNorm", kind: type = TorchLayer, **x) -> NormCase:
    options = options or {}
    channels = shape[options.get("axis", -1)]
    known = affine(channels) if options.get("affine", True) and not (state and "scale" in state) else {}
    return NormCase(
        row, name, op, options, recipe(shape, **{"slope": 0.5, **x}), steps or many(),
        lambda o, s, t: build(o, s, t, kind), {**known, **(state or {})},
    )


def shapes() -> list[NormCase]:
    grid = [
        case("6.1.1", f"{name} N={n} C={c}", [n, *spatial, c])
        for name, spatial in SPATIAL.items() for c in (1, 3, 17) for n in (2, 5, 32)
    ]
    two = case("6.1.2", "running variance unbiased, output biased: 2 values per channel", [2, 3], many(3, (1, 2, 3)))
    return [*grid, two]


def layouts() -> list[NormCase]:
    """Channels first for `axis`; inputs that are views of another tensor."""
    first = [
        case("6.1.1", f"axis {axis} of rank {len(shape)}", shape, many(2), {"axis": axis})
        for axis, shape in ((1, [5, 3, 7]), (1, [5, 3, 3, 5]), (2, [4, 3, 3, 5]), (1, [2, 3, 3, 1, 5]), (-2, [4, 3, 3, 5]))
    ]
    for one in first:
        one.x["axis"] = one.options["axis"]
    turned = case("6.1.1", "a transposed view", [5, 3, 3, 5], many(2), {"view": "transposed", "order": [0, 2, 3, 1]},
                  affine(3), axis=1)
    turned.state = affine(3)
    every = case("6.1.1", "every second row", [5, 5, 3, 3], many(2), {"view": "strided"})
    turned.build = every.build = lambda o, s, t: build(o, s, t)
    for one in (turned, every):
        one.state = affine(3)
    return [*first, turned, every]


def momenta() -> list[NormCase]:
    uneven = [{"samples": n, "running": True, "values": i == 3} for i, n in enumerate((5, 2, 8, 3))]
    return [
        case("6.1.3", f"momentum {m}, batches of 5, 2, 8, 3", IMAGE, uneven, {"momentum": m}) for m in (0.1, 0.0, 1.0, None)
    ]


def switches() -> list[NormCase]:
    both = [{"values": True, "running": True}, {"values": True, "running": True, "mode": "eval"}]
    untracked = {"track_running_stats": False}
    flipped = [{"running": True}, {"running": True, "track": False, "values": True},
               {"running": True, "mode": "eval", "values": True, "track": False}]
    return [
        case("6.1.4", "affine False", IMAGE, both, {"affine": False}),
        case("6.1.4", "track_running_stats False", IMAGE, [{k: v for k, v in s.items() if k != "running"} for s in both], untracked),
        case("6.1.4", "affine and track_running_stats False", IMAGE, [{"values": True}], {**untracked, "affine": False}),
        case("6.1.4", "updates switched off after one step", IMAGE, flipped),
    ]


def evaluation() -> list[NormCase]:
    look = [{"mode": "eval", "values": True, "running": True}]
    kept = {**affine(3), **statistics(3)}
    return [
        *(case("6.1.5", f"evaluation, rank {len(s)}", s, look, None, kept) for s in ([5, 3], [5, 7, 3], IMAGE, [2, 3, 1, 5, 3])),
        case("6.1.5", "evaluation without affine", IMAGE, look, {"affine": False}, statistics(3)),
        case("6.1.5", "frozen in training", IMAGE, [{"values": True, "running": True}] * 2, {"frozen": True}, kept),
        case("6.1.6", "one value per channel in evaluation", [1, 3], look, None, kept),
        case("6.1.6", "no samples in training", [0, 3, 5, 3], [{"running": True, "values": True}], None, kept),
    ]


def numerics() -> list[NormCase]:
    seven = {"channel": [1, 7], "slope": 0}
    twice = {"values": True, "second": True}
    return [
        case("6.1.7", "a constant channel", IMAGE, many(2), **seven),
        case("6.1.7", "a constant channel and eps 0", IMAGE, many(1), {"eps": 0.0}, kind=Native, **seven),
        case("6.1.7", "eps 0", IMAGE, many(1), {"eps": 0.0}, kind=Native),
        *(case("6.1.7", f"offset 1e{e}", [16, 3, 5, 3], many(1), offset=10.0**e, slope=0) for e in range(2, 8)),
        case("6.1.8", "gradients of the gradient, training", [4, 3, 5, 3], [twice]),
        case("6.1.8", "gradients of the gradient, training, rank 2", [6, 3], [twice]),
        case("6.1.8", "gradients of the gradient, evaluation", [4, 3, 5, 3], [{**twice, "mode": "eval"}], None,
             {**affine(3), **statistics(3)}),
    ]


def broken() -> list[NormCase]:
    """What is not finite stays in its channel; PyTorch takes it into the running statistics, which evenkeel must not."""
    look = [{"values": True, "running": True}]
    return [
        case("6.1.9", f"one {value} in channel 1", IMAGE, look, None, statistics(3) | affine(3), set=[[31, value]])
        for value in ("NaN", "Infinity")
    ]


def shared() -> list[NormCase]:
    joined = [
        case("6.1.12", f"shards of {', '.join(map(str, shards))}", [sum(shards), 3, 5, 3], many(2), {"shards": list(shards)},
             op="syncBatchNorm")
        for shards in ((3, 3), (5, 2, 1), (4, 0, 2))
    ]
    twice = case("6.1.14", "used twice in one step", IMAGE, many(2), op="batchNormTwice", kind=Twice)
    return [*joined, twice]


def refusals() -> list[dict]:
    """What PyTorch says to inputs that cannot be, and which it takes."""
    tries = {
        "one value per channel in training": (nn.BatchNorm1d(3), [1, 3]),
        "one value per channel in evaluation without running statistics": (nn.BatchNorm1d(3, track_running_stats=False).eval(), [1, 3]),
        "no channels": (nn.BatchNorm1d(0), [2, 0]),
        "another number of channels": (nn.BatchNorm2d(3), [2, 4, 3, 3]),
        "another rank": (nn.BatchNorm2d(3), [2, 3, 3]),
        "instance norm over one value": (nn.InstanceNorm2d(3), [2, 3, 1, 1]),
        "group norm over one value": (nn.GroupNorm(3, 3), [1, 3]),
        "group norm over one value in each of two samples": (nn.GroupNorm(3, 3), [2, 3]),
    }
    return [{"name": name, "error": error(module, shape)} for name, (module, shape) in tries.items()] + [
        {"name": "groups that do not divide", "error": error(lambda _: nn.GroupNorm(4, 6), [1])}
    ]


def error(module, shape: list[int]) -> str | None:
    try:
        module(tensor(recipe(shape)))
    except (ValueError, RuntimeError, IndexError) as caught:
        return f"{type(caught).__name__}: {caught}"
    return None


def states() -> list[dict]:
    """Names and shapes of what a checkpoint holds."""
    modules = {
        "batchNorm": nn.BatchNorm2d(3), "batchNorm without affine": nn.BatchNorm2d(3, affine=False),
        "instanceNorm with running statistics": nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
        "groupNorm": nn.GroupNorm(1, 3), "layerNorm": nn.LayerNorm([5, 3]), "rmsNorm": nn.RMSNorm(3),
    }
    return [
        {"row": "6.1.13", "name": name, "state": [[k, list(v.shape), str(v.dtype).split(".")[1]] for k, v in m.state_dict().items()],
         "version": m._version}
        for name, m in modules.items()
    ]
