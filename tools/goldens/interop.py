"""Writes interop/: files of weights as PyTorch and Keras save them, with the outputs of their networks in evaluation.

Weights and inputs come from the hash of generated.py. Inputs and outputs are kept channels last. Statistics of normalizations are
made up, all different, so that a swap or a shift by one shows. interop-tfjs.ts writes the files of TensorFlow.js beside these.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import json
from pathlib import Path

import keras
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from generated import uniform

OUT = Path(__file__).parents[2] / "packages/evenkeel/test/goldens/interop"
KERAS_SEED = 500


def main() -> None:
    OUT.mkdir(exist_ok=True)
    example()
    expected = {**images(), **sequences(), **wrapped(), **precisions(), **keras_images(), **keras_norms(), **keras_sequences()}
    (OUT / "outputs.json").write_text(json.dumps(expected) + "\n")


def values(seed: int, shape: tuple[int, ...], bound: float, offset: float = 0.0) -> np.ndarray:
    return (uniform(seed, int(np.prod(shape)), bound).reshape(shape) + offset).astype(np.float32)


def fill(state: dict[str, torch.Tensor], seed: int) -> None:
    """Every entry another stream; variances and singular vectors where they may be."""
    with torch.no_grad():
        for i, (name, tensor) in enumerate(state.items()):
            if name.endswith("num_batches_tracked"):
                tensor.fill_(7)
            elif name.endswith(("_u", "_v", "weight_u")):
                continue
            else:
                positive = name.endswith(("running_var", "weight_g", "original0"))
                tensor.copy_(torch.from_numpy(values(seed + i, tuple(tensor.shape), 0.5, 1.0 if positive else 0.0)))


def golden(name: str, x: np.ndarray, y: np.ndarray) -> dict[str, object]:
    kept = lambda a: {"shape": list(a.shape), "data": [float(v) for v in a.astype(np.float32).ravel()]}
    return {name: {"x": kept(x), "y": kept(y)}}


def torch_images() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=4, padding=1, bias=False), nn.InstanceNorm2d(8, affine=True),
        nn.GroupNorm(4, 8), nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1), nn.BatchNorm2d(6, momentum=None), nn.InstanceNorm2d(6, track_running_stats=True),
        nn.LayerNorm([6, 8, 6]), nn.MaxPool2d(2), nn.Flatten(), nn.BatchNorm1d(72), nn.ReLU(), nn.Dropout(), nn.Linear(72, 10), nn.LayerNorm(10), nn.RMSNorm(10), nn.Linear(10, 4))


def images() -> dict[str, object]:
    net = torch_images().eval()
    fill(net.state_dict(), 100)
    x = values(99, (2, 3, 4, 3), 1.0)
    y = net(torch.from_numpy(x)).detach().numpy()
    state = net.state_dict()
    save_file(state, OUT / "torch-images.safetensors")
    torch.save(state, OUT / "torch-images.pt")
    torch.save({"epoch": 3, "note": "half way", "model": state, "rates": [0.1, (1, None)]}, OUT / "torch-checkpoint.pt")
    return golden("torch-images", x.transpose(0, 2, 3, 1), y)


def example() -> None:
    """The network of docs/interop.md."""
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 5 * 5, 10))
    fill(net.state_dict(), 50)
    torch.save({"epoch": 3, "state_dict": net.state_dict()}, OUT / "example.pt")


class Sequences(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.LSTM(3, 4, batch_first=True), nn.GRU(4, 5, batch_first=True)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)[0]
        return x


def sequences() -> dict[str, object]:
    net = Sequences().eval()
    fill(net.state_dict(), 200)
    x = values(199, (2, 3, 3), 1.0)
    save_file(net.layers.state_dict(), OUT / "torch-sequences.safetensors")
    return golden("torch-sequences", x, net(torch.from_numpy(x)).detach().numpy())


def wrapped() -> dict[str, object]:
    """Weight and spectral normalization, as hooks and as parametrizations: the same values under other names."""
    result = {}
    for kind, (weight, spectral) in {"hooks": (weight_norm, spectral_norm), "parametrizations": (parametrizations.weight_norm, parametrizations.spectral_norm)}.items():
        torch.manual_seed(1)
        net = nn.Sequential(weight(nn.Conv2d(3, 4, 3)), spectral(nn.Conv2d(4, 5, (2, 1))), nn.AdaptiveAvgPool2d(1), nn.Flatten(), weight(nn.Linear(5, 4)), spectral(nn.Linear(4, 3)))
        fill(net.state_dict(), 300)
        x = values(299, (2, 3, 5, 4), 1.0)
        net.train()
        for _ in range(20):
            net(torch.from_numpy(x))
        net.eval()
        y = net(torch.from_numpy(x)).detach().numpy()
        save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, OUT / f"torch-{kind}.safetensors")
        result |= golden(f"torch-{kind}", x.transpose(0, 2, 3, 1), y)
    return result


def precisions() -> dict[str, object]:
    """One linear layer in every type of float."""
    result = {}
    kinds = {"f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16}
    net = nn.Sequential(nn.Linear(5, 3))
    fill(net.state_dict(), 400)
    x = values(399, (2, 5), 1.0)
    stored = {name: {key: tensor.to(dtype) for key, tensor in net.state_dict().items()} for name, dtype in kinds.items()}
    for name, state in stored.items():
        net.load_state_dict({key: tensor.float() for key, tensor in state.items()})
        result |= golden(f"torch-{name}", x, net(torch.from_numpy(x)).detach().numpy())
        save_file(state, OUT / f"torch-{name}.safetensors")
        torch.save(state, OUT / f"torch-{name}.pt")
    # Views of one storage, one of them transposed.
    whole = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    torch.save({"views": {"columns": whole[:, 1:3], "turned": whole.T, "scalar": torch.tensor(5), "flags": torch.tensor([True, False]), "bytes": torch.tensor([1, 255], dtype=torch.uint8)}}, OUT / "torch-views.pt")
    return result


def keras_fill(model: keras.Model) -> None:
    for i, variable in enumerate(model.weights):
        if "seed" in variable.path:
            continue
        positive = any(word in variable.path for word in ("variance", "stddev", "gamma", "scale"))
        variable.assign(values(KERAS_SEED + i, tuple(variable.shape), 0.5, 1.0 if positive else 0.0))


def keras_saved(name: str, model: keras.Model, x: np.ndarray) -> dict[str, object]:
    keras_fill(model)
    model.save(OUT / f"{name}.keras")
    model.save(OUT / f"{name}.h5")
    model.save_weights(OUT / f"{name}.weights.h5")
    return golden(name, x, keras.ops.convert_to_numpy(model(x, training=False)))


def keras_images() -> dict[str, object]:
    from keras import layers as k
    keras.utils.clear_session()
    model = keras.Sequential([
        keras.Input((5, 4, 3)), k.Conv2D(8, 3, padding="same"), k.BatchNormalization(), k.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
        k.BatchNormalization(scale=False), k.Conv2DTranspose(4, 4, strides=2, padding="same", use_bias=False),
        k.MaxPooling2D(2), k.Flatten(), k.Dense(3)], name="images")
    return keras_saved("keras-images", model, values(499, (2, 5, 4, 3), 1.0))


def keras_norms() -> dict[str, object]:
    from keras import layers as k
    keras.utils.clear_session()
    model = keras.Sequential([
        keras.Input((3, 2, 4)), k.BatchNormalization(renorm=True), k.GroupNormalization(2), k.GroupNormalization(-1), k.LayerNormalization(axis=[1, 2, 3]),
        k.BatchNormalization(scale=False, center=False), k.LayerNormalization(scale=False), k.RMSNormalization(), k.Dense(3)], name="norms")
    return keras_saved("keras-norms", model, values(497, (2, 3, 2, 4), 1.0))


def keras_sequences() -> dict[str, object]:
    """A model in a model, given names, recurrent layers."""
    from keras import layers as k
    keras.utils.clear_session()
    inner = keras.Sequential([keras.Input((3, 4)), k.GRU(5, return_sequences=True, name="second"), k.BatchNormalization(center=False, name="scaled"), k.Dense(4, name="middle")], name="inner")
    model = keras.Sequential([keras.Input((3, 3)), k.Dense(3, name="start"), k.LSTM(4, return_sequences=True, name="first"), inner, k.Dense(2, name="end")], name="sequences")
    return keras_saved("keras-sequences", model, values(498, (2, 3, 3), 1.0))


if __name__ == "__main__":
    main()
