"""Writes recurrent.json: recurrent cells over a few steps, plain and normalized, from PyTorch in float64.

Plain cells are PyTorch's own; normalized ones are written out here after the papers, in PyTorch's functions. Gates are in the order
input, forget, candidate, output (LSTM) and reset, update, candidate (GRU); weights are [in, out]. Same format as layers.json.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from cases import Arrays, Case, coarse

OUT = Path(__file__).parents[2] / "packages/evenkeel/test/goldens/recurrent.json"
SAMPLES, STEPS, FEATURES, UNITS = 4, 3, 3, 2
EPSILON, DECAY = 1e-5, 0.9


def plain(kind: str, gates: int) -> Case:
    def compute(a: Arrays) -> torch.Tensor:
        cell = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](FEATURES, UNITS, batch_first=True)
        zeros = torch.zeros(gates * UNITS)
        hidden = zeros if kind == "lstm" else torch.cat([zeros[: 2 * UNITS], a["candidateBias"]])
        state = {"weight_ih_l0": a["inputWeight"].T, "weight_hh_l0": a["hiddenWeight"].T, "bias_ih_l0": a["bias"], "bias_hh_l0": hidden}
        return torch.func.functional_call(cell, state, (a["x"],))[0]

    more = {"candidateBias": coarse(5, [UNITS])} if kind == "gru" else {}
    return Case(f"{kind}, plain", f"{kind}Cell", {}, {**weights(gates), **more}, compute)


def weights(gates: int) -> Arrays:
    return {
        "x": coarse(1, [SAMPLES, STEPS, FEATURES]), "inputWeight": coarse(2, [FEATURES, gates * UNITS], -1, 1),
        "hiddenWeight": coarse(3, [UNITS, gates * UNITS], -1, 1), "bias": coarse(4, [gates * UNITS], -1, 1),
    }


def affine(gates: int) -> Arrays:
    projections = {"inputScale": coarse(6, [gates * UNITS], 0.5, 1.5), "hiddenScale": coarse(7, [gates * UNITS], 0.5, 1.5)}
    return projections | ({"cellScale": coarse(8, [UNITS], 0.5, 1.5), "cellShift": coarse(9, [UNITS], -1, 1)} if gates == 4 else {})


def inputs_of(kind: str) -> Arrays:
    gates = GATES[kind]
    return {**weights(gates), **affine(gates), **({"candidateBias": coarse(5, [UNITS])} if kind == "gru" else {})}


def unrolled_gru(a: Arrays, norm) -> torch.Tensor:
    h = torch.zeros(SAMPLES, UNITS)
    out = []
    for t in range(STEPS):
        ra, za, na = (norm("input", t, a["x"][:, t] @ a["inputWeight"]) + a["bias"]).split(UNITS, 1)
        rc, zc, nc = norm("hidden", t, h @ a["hiddenWeight"]).split(UNITS, 1)
        z = (za + zc).sigmoid()
        n = (na + (ra + rc).sigmoid() * (nc + a["candidateBias"])).tanh()
        h = (1 - z) * n + z * h
        out.append(h)
    return torch.stack(out, 1)


def unrolled_lstm(a: Arrays, norm) -> torch.Tensor:
    """`norm(site, step, values)` gives the normalized values."""
    h = c = torch.zeros(SAMPLES, UNITS)
    out = []
    for t in range(STEPS):
        gates = norm("input", t, a["x"][:, t] @ a["inputWeight"]) + norm("hidden", t, h @ a["hiddenWeight"]) + a["bias"]
        i, f, g, o = gates.split(UNITS, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * norm("cell", t, c).tanh()
        out.append(h)
    return torch.stack(out, 1)


def layer_normed(kind: str, per_gate: bool) -> Case:
    def compute(a: Arrays) -> torch.Tensor:
        def norm(site: str, step: int, v: torch.Tensor) -> torch.Tensor:
            shift = a["cellShift"] if site == "cell" else None
            if per_gate and site != "cell":
                parts = zip(v.split(UNITS, 1), a[f"{site}Scale"].split(UNITS))
                return torch.cat([F.layer_norm(p, [UNITS], s, None, EPSILON) for p, s in parts], 1)
            return F.layer_norm(v, [v.shape[1]], a[f"{site}Scale"], shift, EPSILON)

        return UNROLLED[kind](a, norm)

    name = f"{kind}, layer norm of each gate" if per_gate else f"{kind}, layer norm"
    return Case(name, f"{kind}Cell", {"norm": "layer", "perGate": per_gate}, inputs_of(kind), compute)


def batch_normed(kind: str, steps: int) -> Case:
    def pass_through(a: Arrays, seen: dict) -> torch.Tensor:
        def norm(site: str, step: int, v: torch.Tensor) -> torch.Tensor:
            key = f"{site}{min(step, steps - 1)}"
            seen.setdefault(key, []).append(v.detach())
            shift = a["cellShift"] if site == "cell" else None
            return F.batch_norm(v, None, None, a[f"{site}Scale"], shift, True, 1, EPSILON)

        return UNROLLED[kind](a, norm)

    def running(a: Arrays) -> Arrays:
        seen: dict = {}
        pass_through(a, seen)
        values = {k: torch.cat(v) for k, v in seen.items()}
        means = {f"{k}Mean": (1 - DECAY) * v.mean(0) for k, v in values.items()}
        return means | {f"{k}Variance": DECAY + (1 - DECAY) * v.var(0) for k, v in values.items()}

    return Case(f"{kind}, batch norm of {steps} steps", f"{kind}Cell", {"norm": "batch", "steps": steps}, inputs_of(kind), lambda a: pass_through(a, {}), running)


GATES = {"lstm": 4, "gru": 3}
UNROLLED = {"lstm": unrolled_lstm, "gru": unrolled_gru}


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    cases = [plain(kind, gates) for kind, gates in GATES.items()]
    for kind in GATES:
        cases += [layer_normed(kind, False), layer_normed(kind, True), batch_normed(kind, 3), batch_normed(kind, 2)]
    head = json.dumps({"script": "tools/goldens/recurrent.py", "versions": {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}})[:-1]
    text = ",\n".join(json.dumps(case.record(), separators=(",", ":")) for case in cases)
    OUT.write_text(f'{head}, "layers": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
