"""PyTorch's normalization of weights. The case's x is the weight, in evenkeel's layout."""

import math

import torch
from torch.nn.utils import parametrizations

from norms_cases import NormCase, Tensors, recipe

# For each axis of PyTorch's weight the axis of evenkeel's: linear [in, out], convolution [KH, KW, C, O].
TURNS = {1: [0], 2: [1, 0], 4: [3, 2, 0, 1]}
LINEAR, KERNEL = [5, 4], [3, 2, 3, 4]
# Layer, dim of PyTorch and axis of evenkeel that counts the rows. A transposed convolution's weight is [KH, KW, out, in] here.
PLACES = {"linear": (LINEAR, 0, 1), "convolution": (KERNEL, 0, 3), "transposed convolution": (KERNEL, 1, 2)}


def cases() -> list[NormCase]:
    return [*spectral_norms(), *weight_norms()]


class Spectral:
    """torch.nn.utils.parametrizations.spectral_norm: u from the stored v, then v from the new u; sigma = u W v with u and v
    constant. The vector v is recorded in evenkeel's order, that of the weight's axes without the rows'."""

    def __init__(self, options: dict, shape: list[int], state: Tensors):
        self.options, self.turn, self.start, self.rule = options, TURNS[len(shape)], state, None
        row = self.turn[options["dim"]]
        rest = [a for a in range(len(shape)) if a != row]
        self.rest = [shape[a] for a in rest]
        self.order = [rest.index(a) for i, a in enumerate(self.turn) if i != options["dim"]]

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        weight = x.permute(self.turn)
        if self.rule is None:
            self.make(weight.detach())
        self.rule.train(step.get("mode", "train") == "train")
        total = sum(self.rule(weight) for _ in range(step.get("forwards", 1)))
        return total.permute([self.turn.index(a) for a in range(len(self.turn))])

    def make(self, weight: torch.Tensor) -> None:
        arguments = {k: v for k, v in self.options.items() if k in ("dim", "eps", "n_power_iterations")}
        self.rule = parametrizations._SpectralNorm(weight, **arguments)
        if self.start:
            v = self.start["v"].reshape(self.rest).permute(self.order).flatten()
            self.rule._u.copy_(self.start["u"] / self.start["u"].norm())
            self.rule._v.copy_(v / v.norm())

    def params(self) -> Tensors:
        return {}

    def running(self) -> Tensors:
        v = self.rule._v.reshape([self.rest[i] for i in self.order])
        return {"u": self.rule._u.clone(), "v": v.permute([self.order.index(i) for i in range(len(self.order))]).flatten()}


def spectral_norms() -> list[NormCase]:
    def case(name: str, place: str, steps: list[dict], **options) -> NormCase:
        shape, dim, axis = PLACES[place]
        size = math.prod(shape) // shape[axis]
        return NormCase(
            "6.1.11", f"spectralNorm {name}", "spectralNorm", {"dim": dim, "axis": axis, **options}, recipe(shape, bound=1), steps,
            Spectral, {"u": recipe([shape[axis]], bound=1), "v": recipe([size], bound=1)}, same=True,
        )

    seen = {"values": True, "running": True}
    sequence = [seen, {**seen, "mode": "eval"}, seen]
    return [
        *(case(place, place, sequence) for place in PLACES),
        case("two forwards, then backward", "linear", [{**seen, "forwards": 2}]),
        case("5 iterations", "linear", [seen], n_power_iterations=5),
        case("after 60 steps", "convolution", [{} for _ in range(60)] + [seen]),
        NormCase("6.1.11", "spectralNorm of a vector", "spectralNorm", {"dim": 0, "axis": 0}, recipe([5], bound=1),
                 [{"values": True}], Spectral),
    ]


class Weighted:
    """w = g * v / |v|, a norm for each index of `dim` or one for all. x is v. Values are checked against PyTorch's
    torch._weight_norm; its second gradients are wrong (gradgradcheck fails in 2.15 for dim 0: it takes
    the norm for a constant), so gradients are those of the formula."""

    def __init__(self, options: dict, shape: list[int], state: Tensors):
        self.dim, self.turn = options["dim"], TURNS[len(shape)]
        self.g = state["g"].requires_grad_()

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        v = x.permute(self.turn)
        g = self.g.reshape([-1 if a == self.dim else 1 for a in range(v.ndim)]) if self.dim is not None else self.g
        dim = -1 if self.dim is None else self.dim
        w = v * (g / torch.norm_except_dim(v, 2, dim))
        assert torch.allclose(w, torch._weight_norm(v, g, dim))
        return w.permute([self.turn.index(a) for a in range(v.ndim)])

    def params(self) -> Tensors:
        return {"g": self.g}

    def running(self) -> Tensors:
        return {}


def weight_norms() -> list[NormCase]:
    places = {
        "linear, dim 0": (LINEAR, 0, 1), "linear, dim 1": (LINEAR, 1, 0), "linear, dim None": (LINEAR, None, None),
        "convolution, dim 0": (KERNEL, 0, 3), "convolution, dim 1": (KERNEL, 1, 2), "convolution, dim None": (KERNEL, None, None),
    }
    return [
        NormCase(
            "6.1.11", f"weightNorm {name}", "weightNorm", {"dim": dim, "axis": axis}, recipe(shape, bound=1),
            [{"values": True, "second": True}], Weighted, {"g": recipe([] if axis is None else [shape[axis]], bound=0.5, offset=1)},
        )
        for name, (shape, dim, axis) in places.items()
    ]
