"""Keras's normalization within each sample, and of weights."""

import keras
import torch

from norms_cases import NormCase, Tensors, recipe
from norms_keras_layer import AtTheEnd, PerSample

ONCE = [{"values": True}]
IMAGE = [5, 3, 5, 6]


def cases() -> list[NormCase]:
    return [*layer_norms(), *group_norms(), *others(), *spectral_norms()]


def case(name: str, op: str, layer: type, shape: list[int], per: list[int], **options) -> NormCase:
    """`per` is the shape of scale and shift."""
    state = {"scale": recipe(per, bound=0.5, offset=1), "shift": recipe(per, bound=1)}
    kept = {"scale": options.get("scale", True), "shift": options.get("center", op not in ("rmsNorm", "unitNorm"))}
    state = {k: v for k, v in state.items() if kept[k] and op != "unitNorm"}

    def build(o: dict, s: list[int], t: Tensors) -> PerSample | AtTheEnd:
        inner = o.get("axis") == 1 and op in ("layerNorm", "rmsNorm")
        return AtTheEnd(layer(**{**o, "axis": -1}), [s[0], *s[2:], s[1]], t) if inner else PerSample(layer(**o), s, t)

    return NormCase("6.2.7", f"{op} {name}", op, options, recipe(shape, slope=0.25), ONCE, build, state)


def layer_norms() -> list[NormCase]:
    def norm(name: str, shape: list[int], per: list[int], **options) -> NormCase:
        return case(name, "layerNorm", keras.layers.LayerNormalization, shape, per, **options)

    return [
        norm("defaults", IMAGE, [6]), norm("rank 2", [5, 6], [6]), norm("axes 2 and 3", IMAGE, [5, 6], axis=[2, 3]),
        norm("axes 1, 2 and 3", IMAGE, [3, 5, 6], axis=[1, 2, 3]), norm("axes 1 and 3", IMAGE, [3, 6], axis=[1, 3]),
        norm("axis 1", IMAGE, [3], axis=1), norm("without scale", IMAGE, [6], scale=False),
        norm("without center", IMAGE, [6], center=False), norm("without affine", IMAGE, [6], scale=False, center=False),
        norm("epsilon 0.25", IMAGE, [6], epsilon=0.25),
    ]


def group_norms() -> list[NormCase]:
    def norm(name: str, shape: list[int], **options) -> NormCase:
        return case(name, "groupNorm", keras.layers.GroupNormalization, shape, [shape[options.get("axis", -1)]], **options)

    return [
        norm("defaults, 32 groups", [2, 3, 64]), norm("3 groups", IMAGE, groups=3), norm("-1: a group for each channel", IMAGE, groups=-1),
        norm("axis 1", [5, 6, 3, 5], groups=3, axis=1), norm("without scale", IMAGE, groups=2, scale=False),
        norm("without center", IMAGE, groups=2, center=False), norm("rank 2", [5, 6], groups=2),
        norm("rank 5", [2, 3, 1, 5, 6], groups=3), norm("epsilon 0.25", IMAGE, groups=2, epsilon=0.25),
    ]


def others() -> list[NormCase]:
    def rms(name: str, per: list[int], **options) -> NormCase:
        return case(name, "rmsNorm", keras.layers.RMSNormalization, IMAGE, per, **options)

    def unit(name: str, **options) -> NormCase:
        return case(name, "unitNorm", keras.layers.UnitNormalization, IMAGE, [6], **options)

    return [
        rms("defaults", [6]), rms("axes 2 and 3", [5, 6], axis=[2, 3]), rms("axis 1", [3], axis=1), rms("epsilon 0.25", [6], epsilon=0.25),
        unit("defaults"), unit("axis 1", axis=1), unit("axes 1 and 2", axis=[1, 2]),
    ]


class Spectral:
    """Keras's wrapper: v from the stored u, then u; it overwrites the kernel with kernel / sigma, so there is no gradient through
    sigma and the raw kernel is lost. x is the kernel before the step; the value is what the wrapper leaves in its place."""

    def __init__(self, options: dict, shape: list[int], state: Tensors):
        inner = keras.layers.Dense(shape[-1], use_bias=False) if len(shape) == 2 else keras.layers.Conv2D(shape[-1], tuple(shape[:2]), use_bias=False)
        self.layer = keras.layers.SpectralNormalization(inner, **options)
        self.layer.build((1, shape[0]) if len(shape) == 2 else (1, 5, 5, shape[2]))
        self.layer.vector_u.assign(state["u"].reshape(1, -1))

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        self.layer.kernel.assign(x.detach())
        example = torch.ones((1, x.shape[0]) if x.ndim == 2 else (1, 5, 5, x.shape[2]))
        self.layer(example, training=step.get("mode", "train") == "train")
        return self.layer.kernel.value.detach().clone()

    def params(self) -> Tensors:
        return {}

    def running(self) -> Tensors:
        return {"u": self.layer.vector_u.value.detach().clone().reshape(-1)}


def spectral_norms() -> list[NormCase]:
    seen = {"output": True, "running": True}
    converged = {"power_iterations": 60}
    return [
        NormCase("6.2.7", f"spectralNorm {name}", "spectralNorm", options, recipe(shape, bound=1), [seen, {**seen, "mode": "eval"}, seen],
                 Spectral, {"u": recipe([shape[-1]], bound=1)}, same=True)
        for name, shape, options in (("dense", [5, 4], converged), ("convolution", [3, 2, 3, 4], converged))
    ]
