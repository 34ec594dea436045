"""Writes layers.json: single layers, losses and update rules, their values and gradients, from PyTorch in float64.

Every case is { name, op, options, inputs, output, upstream, gradients }: `gradients` are those of
sum(output * upstream) with respect to the floating inputs. Layouts are evenkeel's, channels last.
Inputs are multiples of 1/16, hence exact in float32; results are rounded to nine significant digits.
"""

import json
from pathlib import Path

import numpy as np
import torch

import activations
import layouts
import updates
from cases import Case

OUT = Path(__file__).parents[2] / "packages/evenkeel/test/goldens/layers.json"


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    cases: list[Case] = [*layouts.cases(), *activations.cases()]
    golden = {
        "script": "tools/goldens/layers.py",
        "versions": {"torch": torch.__version__.split("+")[0], "numpy": np.__version__},
        "layers": [case.record() for case in cases],
        "updates": updates.records(),
    }
    text = ",\n".join(json.dumps(part, separators=(",", ":")) for part in golden["layers"])
    rules = ",\n".join(json.dumps(part, separators=(",", ":")) for part in golden["updates"])
    head = json.dumps({k: golden[k] for k in ("script", "versions")})[:-1]
    OUT.write_text(f'{head}, "layers": [\n{text}\n], "updates": [\n{rules}\n]}}\n')


if __name__ == "__main__":
    main()
