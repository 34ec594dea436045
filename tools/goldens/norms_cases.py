"""Golden cases of normalization layers, for PyTorch's and Keras's scripts alike: recipes of inputs, what a case records, digests.

The TypeScript twin is packages/evenkeel/test/support/golden-norms.ts; keep the two in step. Inputs are recipes over the hash of
generated.py, so that a file stores results only, and of a large result only a digest.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

import generated
from cases import short

Tensors = dict[str, torch.Tensor]
GOLDENS = Path(__file__).parents[2] / "packages/evenkeel/test/goldens"

# A case owns 40 streams: its inputs are number 0 to 19, one for each step.
STREAMS, UPSTREAM, PROBE, STATE = 40, 20, 21, 22
FULL = 48
SAMPLES = 24
DIGEST_SEED = 19999


class Layer(Protocol):
    """A layer of a framework behind evenkeel's layout: channels last, unless the case's options name an axis."""

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor: ...
    def params(self) -> Tensors: ...
    def running(self) -> Tensors: ...


@dataclass
class NormCase:
    """Steps are { mode, samples, ... } that say what to do, and { output, values (with gradients), second, running } that say
    what of it to record."""

    row: str
    name: str
    op: str
    options: dict
    x: dict
    steps: list[dict]
    build: Callable[[dict, list[int], Tensors], Layer]
    state: dict[str, dict] = field(default_factory=dict)
    same: bool = False  # all steps get the first one's input


def recipe(shape: list[int], seed: int = 0, bound: float = 2, **more) -> dict:
    """How values are made: offset + uniform + slope * index along axis (default the last), rounded to float32; then `set`
    puts single values, given as [flat index, value], and `channel` puts one for a whole index of the axis."""
    return {"shape": list(shape), "seed": seed, "bound": bound, **more}


def values(spec: dict) -> np.ndarray:
    shape, axis = spec["shape"], spec.get("axis", -1)
    out = generated.uniform(spec["seed"], shape, spec["bound"]) + spec.get("offset", 0)
    if spec.get("slope"):
        index = np.arange(shape[axis]).reshape([-1 if a == axis % len(shape) else 1 for a in range(len(shape))])
        out = out + spec["slope"] * index
    out = out.astype(np.float32).astype(np.float64)
    if "channel" in spec:
        np.moveaxis(out, axis, 0)[spec["channel"][0]] = spec["channel"][1]
    for at, value in spec.get("set", []):
        out.reshape(-1)[at] = float(value)
    return out


def tensor(spec: dict) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values(spec)))


def affine(channels: int) -> dict[str, dict]:
    """A scale in [1/2, 3/2) and a shift in [-1, 1)."""
    return {"scale": recipe([channels], bound=0.5, offset=1), "shift": recipe([channels], bound=1)}


def statistics(channels: int) -> dict[str, dict]:
    """Running statistics that a layer may have met: means in [-1, 1), variances in [1/2, 3/2)."""
    return {
        "runningMean": recipe([channels], bound=1), "runningVariance": recipe([channels], bound=0.5, offset=1),
    }


def many(count: int = 10, seen: tuple[int, ...] = (1, 2, 10)) -> list[dict]:
    """`count` training steps on fresh batches, looking at the first one's values and at the running statistics after some."""
    return [{"values": i == 0, "running": i + 1 in seen} for i in range(count)]


def view(options: dict, base: torch.Tensor) -> torch.Tensor:
    """What the layer sees of its input: the input, its transpose, or every second index of its axis 1."""
    how = options.get("view")
    if how is None:
        return base
    return base.permute(options["order"]) if how == "transposed" else base[:, ::2]


def record(case: NormCase, index: int) -> dict:
    seed = 20000 + STREAMS * index
    x = {**case.x, "seed": seed}
    state = {name: {**spec, "seed": seed + STATE + i} for i, (name, spec) in enumerate(case.state.items())}
    seen = list(view(case.options, torch.empty(x["shape"])).shape)
    layer = case.build(case.options, seen, {name: tensor(spec) for name, spec in state.items()})
    steps = [run(case, layer, {"seed": seed + (0 if case.same else i), **step}, x, seed) for i, step in enumerate(case.steps)]
    out = {"row": case.row, "name": case.name, "op": case.op, "options": case.options, "x": x, "state": state}
    out |= {"same": case.same or None, "seed": seed, "steps": steps}
    return {k: v for k, v in out.items() if v not in ({}, None)}


def run(case: NormCase, layer: Layer, step: dict, spec: dict, seed: int) -> dict:
    """One step: the layer's value, gradients of sum(output * upstream), and gradients of sum(dx * probe) in turn."""
    shape = [step.get("samples", spec["shape"][0]), *spec["shape"][1:]]
    base = tensor({**spec, "shape": shape, "seed": step["seed"]}).requires_grad_()
    out = {k: step[k] for k in ("mode", "samples", "trainable", "track", "mask", "forwards") if k in step}
    y = layer(view(case.options, base), step)
    if step.get("output"):
        out["output"] = digest(y)
    if step.get("values"):
        upstream = tensor(recipe(list(y.shape), seed + UPSTREAM, 1)).requires_grad_()
        wanted = {"x": base, **{k: p for k, p in layer.params().items() if p.requires_grad}}
        grads = torch.autograd.grad((y * upstream).sum(), list(wanted.values()), create_graph=bool(step.get("second")))
        out["output"] = digest(y)
        out["gradients"] = {k: digest(g) for k, g in zip(wanted, grads)}
        if step.get("second"):
            probe = tensor(recipe(shape, seed + PROBE, 1))
            wanted["upstream"] = upstream
            twice = torch.autograd.grad((grads[0] * probe).sum(), list(wanted.values()), allow_unused=True)
            out["second"] = {k: digest(g) for k, g in zip(wanted, twice) if g is not None}
    if step.get("running"):
        out["running"] = {k: digest(v) for k, v in layer.running().items()}
    return out


def digest(value: torch.Tensor) -> dict:
    """All values of a small tensor; of a large one the largest magnitude, some values, and the dot product with stream
    DIGEST_SEED, which no single wrong value escapes."""
    flat = value.detach().double().reshape(-1)
    shape = list(value.shape)
    if flat.numel() <= FULL:
        return {"shape": shape, "data": numbers(flat)}
    at = [k * (flat.numel() - 1) // (SAMPLES - 1) for k in range(SAMPLES)]
    finite = torch.nan_to_num(flat, nan=0.0, posinf=0.0, neginf=0.0)
    weights = torch.from_numpy(generated.uniform(DIGEST_SEED, [flat.numel()], 1))
    return {
        "shape": shape, "largest": short(finite.abs().max().item()), "data": numbers(flat[at]),
        "dot": short((finite * weights).sum().item()),
    }


def numbers(flat: torch.Tensor) -> list:
    """Nine significant digits; null for what is not finite."""
    return [short(v) if np.isfinite(v) else None for v in flat.tolist()]


def write(name: str, script: str, versions: dict, cases: list[NormCase], **more: list[dict]) -> None:
    parts = {"cases": [record(case, i) for i, case in enumerate(cases)], **more}
    head = json.dumps({"script": f"tools/goldens/{script}", "versions": versions})[:-1]
    body = (f'"{key}": [\n' + ",\n".join(lines(items)) + "\n]" for key, items in parts.items())
    (GOLDENS / f"{name}.json").write_text(head + ", " + ", ".join(body) + "}\n")


def lines(items: list[dict]) -> Iterator[str]:
    for item in items:
        yield json.dumps(item, separators=(",", ":"), allow_nan=False)
