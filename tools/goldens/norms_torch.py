"""Writes norms-torch.json: every normalization layer of PyTorch, its values, gradients and running statistics in float64.

Options are PyTorch's own, in its words; layouts are evenkeel's, channels last, but where `axis` (evenkeel's) says otherwise.
Row numbers group the cases by what they are about; README.md lists them.
"""

import numpy as np
import torch

import norms_torch_batch
import norms_torch_samples
import norms_torch_weights
from norms_cases import write


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    write(
        "norms-torch", "norms_torch.py", {"torch": torch.__version__.split("+")[0], "numpy": np.__version__},
        [*norms_torch_batch.cases(), *norms_torch_samples.cases(), *norms_torch_weights.cases()],
        refusals=norms_torch_batch.refusals(), states=norms_torch_batch.states(),
    )


if __name__ == "__main__":
    main()
