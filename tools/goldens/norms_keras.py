"""Writes norms-keras.json: the normalization layers of Keras 3 (on PyTorch, in float64), their values, gradients and state.

Options are Keras's own, in its words; layouts are evenkeel's, which are Keras's defaults. `axis` means the same in both.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from keras.src.backend.common import dtypes  # noqa: E402

import norms_keras_batch  # noqa: E402
import norms_keras_samples  # noqa: E402
import norms_keras_trained  # noqa: E402
from norms_cases import write  # noqa: E402


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    keras.config.set_floatx("float64")
    # But for TensorFlow, Keras promotes float64 to float32, inside its layers too.
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    versions = {"keras": keras.__version__, "torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    write(
        "norms-keras", "norms_keras.py", versions, [*norms_keras_batch.cases(), *norms_keras_samples.cases()],
        trained=norms_keras_trained.records(), states=norms_keras_trained.states(),
    )


if __name__ == "__main__":
    main()
