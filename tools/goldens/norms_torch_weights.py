"""PyTorch's normalization of weights. The case's x is the weight, in evenkeel's layout."""

import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm

from norms_cases import NormCase, Tensors, recipe

# For each axis of PyTorch's weight the axis of evenkeel's: linear [in, out], convolution [KH, KW, C, O].
TURNS = {1: [0], 2: [1, 0], 4: [3, 2, 0, 1]}
LINEAR, KERNEL = [5, 4], [3, 2, 3, 4]
# Layer, dim of PyTorch and axis of evenkeel that counts the rows. A transposed convolution's weight is [KH, KW, out, in] here.
PLACES = {"linear": (LINEAR, 0, 1), "convolution": (KERNEL, 0, 3), "transposed convolution": (KERNEL, 1, 2)}


def cases() -> list[NormCase]:
    return [*spectral_norms(), *weight_norms()]


class Holder(nn.Module):
    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight.clone())

    def forward(self) -> torch.Tensor:
        return self.weight


class Spectral:
    """`current` is torch.nn.utils.parametrizations.spectral_norm: u from the stored v, then v from the new u. The older hook,
    torch.nn.utils.spectral_norm, goes from the stored u to v and then to u. Both take sigma = u W v with u and v constant."""

    def __init__(self, options: dict, shape: list[int], state: Tensors):
        self.options, self.turn = options, TURNS[len(shape)]
        dim = options["dim"]
        torch_axes = [a for i, a in enumerate(self.turn) if i != dim]
        rest = [a for a in range(len(shape)) if a != self.turn[dim]]
        self.order = [rest.index(a) for a in torch_axes]
        self.rest = [shape[a] for a in rest]
        unit = nn.functional.normalize
        self.module = None
        self.start = {"u": unit(state["u"], dim=0), "v": unit(state["v"].permute(self.order).flatten(), dim=0)} if state else {}

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        weight = x.permute(self.turn)
        if self.module is None:
            self.make(weight.detach())
        self.module.train(step.get("mode", "train") == "train")
        total = sum(self.effective(weight) for _ in range(step.get("forwards", 1)))
        back = [self.turn.index(a) for a in range(len(self.turn))]
        return total.permute(back)

    def make(self, weight: torch.Tensor) -> None:
        arguments = {k: v for k, v in self.options.items() if k in ("dim", "eps", "n_power_iterations")}
        if self.options["hook"]:
            self.module = spectral_norm(Holder(weight), **arguments)
            buffers = {"u": self.module.weight_u, "v": self.module.weight_v}
        else:
            self.module = parametrizations._SpectralNorm(weight, **arguments)
            buffers = {k: getattr(self.module, f"_{k}", None) for k in ("u", "v")}
        for name, value in self.start.items():
            buffers[name].copy_(value)
        self.buffers = {k: b for k, b in buffers.items() if b is not None}

    def effective(self, weight: torch.Tensor) -> torch.Tensor:
        if not self.options["hook"]:
            return self.module(weight)
        del self.module._parameters["weight_orig"]
        self.module.weight_orig = weight
        hook = next(iter(self.module._forward_pre_hooks.values()))
        out = hook.compute_weight(self.module, do_power_iteration=self.module.training)
        del self.module.weight_orig
        self.module._parameters["weight_orig"] = nn.Parameter(weight.detach())
        return out

    def params(self) -> Tensors:
        return {}

    def running(self) -> Tensors:
        if not self.buffers:
            return {}
        u, v = (getattr(self.module, f"weight_{k}" if self.options["hook"] else f"_{k}").detach().clone() for k in ("u", "v"))
        sizes = [self.rest[i] for i in self.order]
        back = [self.order.index(i) for i in range(len(self.order))]
        return {"u": u, "v": v.reshape(sizes).permute(back)}


def spectral_norms() -> list[NormCase]:
    def case(name: str, place: str, steps: list[dict], **options) -> NormCase:
        shape, dim, axis = PLACES[place]
        rest = [n for a, n in enumerate(shape) if a != axis]
        return NormCase(
            "6.1.11", f"spectralNorm {name}", "spectralNorm", {"dim": dim, "axis": axis, "hook": False, **options},
            recipe(shape, bound=1), steps, Spectral, {"u": recipe([shape[axis]], bound=1), "v": recipe(rest, bound=1)}, same=True,
        )

    seen = {"values": True, "running": True}
    sequence = [seen, {**seen, "mode": "eval"}, seen]
    return [
        *(case(place, place, sequence) for place in PLACES),
        *(case(f"{place}, the older hook", place, sequence, hook=True) for place in PLACES),
        case("two forwards, then backward", "linear", [{**seen, "forwards": 2}]),
        case("two forwards, then backward, the older hook", "linear", [{**seen, "forwards": 2}], hook=True),
        case("5 iterations", "linear", [seen], n_power_iterations=5),
        case("after warm-up", "linear", [{} for _ in range(60)] + [seen]),
        NormCase("6.1.11", "spectralNorm of a vector", "spectralNorm", {"dim": 0, "axis": 0, "hook": False}, recipe([5], bound=1),
                 [{"values": True}], Spectral),
    ]


class Weighted:
    """torch._weight_norm: w = g * v / |v|, a norm for each index of `dim` or one for all. x is v."""

    def __init__(self, options: dict, shape: list[int], state: Tensors):
        self.dim, self.turn = options["dim"], TURNS[len(shape)]
        self.g = state["g"].requires_grad_()

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        v = x.permute(self.turn)
        g = self.g.reshape([-1 if a == self.dim else 1 for a in range(v.ndim)]) if self.dim is not None else self.g
        w = torch._weight_norm(v, g, -1 if self.dim is None else self.dim)
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
