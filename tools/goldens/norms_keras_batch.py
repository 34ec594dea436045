"""Keras's batch normalization: defaults, switches, masks, renormalization, virtual batches."""

from collections.abc import Callable

import keras

import generated
from norms_cases import NormCase, affine, many, recipe, statistics
from norms_keras_layer import Ghost, KerasLayer

IMAGE = [5, 3, 5, 3]
SEQUENCE = [4, 3, 2]


def cases() -> list[NormCase]:
    return [*defaults(), *switches(), *masks(), *renorms(), *ghosts()]


def build(options: dict, shape: list[int], state: dict) -> KerasLayer:
    return KerasLayer(keras.layers.BatchNormalization(**options), shape, state)


def case(row: str, name: str, shape: list[int], steps: list[dict] | None = None, options: dict | None = None,
         state: dict | None = None, op: str = "batchNorm", make: Callable = build, **x) -> NormCase:
    options = options or {}
    axis = options.get("axis", -1)
    full = affine(shape[axis]) | (state or {})
    for switch, name_ in (("scale", "scale"), ("center", "shift")):
        if not options.get(switch, True):
            del full[name_]
    return NormCase(row, name, op, options, recipe(shape, **{"slope": 0.5, **x}) | ({"axis": axis} if axis != -1 else {}),
                    steps or many(), make, full)


def defaults() -> list[NormCase]:
    both = [{"values": True, "running": True}, {"values": True, "mode": "eval"}]
    combinations = [
        case("6.2.1", f"scale {scale}, center {center}", IMAGE, both, {"scale": scale, "center": center})
        for scale in (True, False) for center in (True, False)
    ]
    return [
        *(case("6.2.1", f"defaults, rank {len(s)}", s) for s in ([5, 3], [5, 7, 3], IMAGE, [2, 3, 1, 5, 3])),
        case("6.2.1", "axis 1, rank 3", [5, 3, 7], many(), {"axis": 1}), case("6.2.1", "axis 1, rank 4", [5, 3, 3, 5], many(), {"axis": 1}),
        case("6.2.1", "axis 1, rank 5", [2, 3, 3, 1, 5], many(), {"axis": 1}), case("6.2.1", "axis 2, rank 4", [5, 3, 3, 5], many(), {"axis": 2}),
        *combinations,
        case("6.2.1", "momentum 0.5, epsilon 0.25", IMAGE, many(2), {"momentum": 0.5, "epsilon": 0.25}),
        case("6.2.2", "biased running variance: 2 values per channel", [2, 3], many(3, (1, 2, 3))),
    ]


def switches() -> list[NormCase]:
    """What trainable and training do, step after step on one layer."""
    seen = {"values": True, "running": True}
    steps = [
        seen, {**seen, "trainable": False}, {**seen, "mode": "eval", "trainable": False}, {**seen, "mode": "eval"}, seen,
    ]
    return [case("6.2.3", "trainable on, off, off in inference, on in inference, on", [4, 3, 3], steps)]


def masks() -> list[NormCase]:
    """A mask of rank 2 for a sequence [N, T, C] and of rank 3 for an image. Keras normalizes masked positions too."""
    partial = [1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0]
    seen = {"values": True, "running": True}
    pixels = [int(b) for b in generated.bits(19000, 75) % 2]
    none = [0] * 12
    return [
        case("6.2.4", "mask over part of a sequence", SEQUENCE, [{**seen, "mask": partial}] * 2),
        case("6.2.4", "mask over everything", SEQUENCE, [{**seen, "mask": none}], None, statistics(2)),
        case("6.2.4", "mask over nothing", SEQUENCE, [{**seen, "mask": [1] * 12}]),
        case("6.2.4", "mask over pixels", IMAGE, [{**seen, "mask": pixels}]),
        case("6.2.4", "mask in inference", SEQUENCE, [{**seen, "mask": partial, "mode": "eval"}], None, statistics(2)),
    ]


def renorms() -> list[NormCase]:
    seen = {"values": True, "running": True}
    steps = [seen, seen, seen, {**seen, "mode": "eval"}]
    fast = {"renorm": True, "momentum": 0.75, "renorm_momentum": 0.5}
    tight = {"rmax": 1.125, "rmin": 0.875, "dmax": 0.25}
    return [
        case("6.2.5", "renorm without clipping", IMAGE, steps, fast, op="batchRenorm"),
        case("6.2.5", "renorm, clipped", IMAGE, steps, {**fast, "renorm_clipping": tight}, op="batchRenorm"),
        case("6.2.5", "renorm, r = 1 and d = 0", IMAGE, steps, {**fast, "renorm_clipping": {"rmax": 1.0, "rmin": 1.0, "dmax": 0.0}}, op="batchRenorm"),
        case("6.2.5", "renorm, rmax 3, dmax 5", IMAGE, steps, {**fast, "renorm_clipping": {"rmax": 3.0, "rmin": 0.25, "dmax": 5.0}}, op="batchRenorm", offset=9),
        case("6.2.5", "renorm, default momenta", IMAGE, many(), {"renorm": True}, op="batchRenorm"),
        case("6.2.5", "renorm, rank 2, no affine", [6, 3], steps, {**fast, "scale": False, "center": False}, op="batchRenorm"),
    ]


def ghosts() -> list[NormCase]:
    def make(options: dict, shape: list[int], state: dict) -> Ghost:
        plain = {k: v for k, v in options.items() if k not in ("virtual_batch_size", "interleaved", "sequential")}
        return Ghost(keras.layers.BatchNormalization(**plain), shape, state, options)

    return [
        case("6.2.6", f"virtual batches of {size}, {'inter' if interleaved else 'not inter'}leaved, {'sequential' if sequential else 'one'} update",
             [6, 3, 5, 3], many(2), {"virtual_batch_size": size, "interleaved": interleaved, "sequential": sequential, "momentum": 0.75},
             op="ghostBatchNorm", make=make)
        for size in (2, 3, 6) for interleaved in (True, False) for sequential in (True, False)
    ]
