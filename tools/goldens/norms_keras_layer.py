"""Layers of Keras under evenkeel's names."""

import keras
import torch

from norms_cases import Tensors

NAMES = {
    "gamma": "scale", "beta": "shift", "moving_mean": "runningMean", "moving_variance": "runningVariance",
    "moving_stddev": "runningDeviation", "renorm_mean": "renormMean", "renorm_stddev": "renormDeviation", "scale": "scale",
}


class KerasLayer:
    """Steps may say { mode, trainable, mask }; a mask is flat over all axes but the last."""

    def __init__(self, layer: keras.layers.Layer, shape: list[int], state: Tensors):
        self.layer = layer
        layer.build(tuple(shape))
        for variable in layer.weights:
            if NAMES[variable.name] in state:
                variable.assign(state[NAMES[variable.name]])

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        self.layer.trainable = step.get("trainable", True)
        return self.call(x, step)

    def call(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        more = {"mask": torch.tensor(step["mask"]).bool().reshape(x.shape[:-1])} if "mask" in step else {}
        return self.layer(x, training=step.get("mode", "train") == "train", **more)

    def params(self) -> Tensors:
        return {NAMES[v.name]: v.value for v in self.layer.trainable_variables}

    def running(self) -> Tensors:
        return {NAMES[v.name]: v.value.detach().clone() for v in self.layer.weights if v.name not in ("gamma", "beta", "scale")}


class PerSample(KerasLayer):
    """A layer that has no mode."""

    def call(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        return self.layer(x)


class AtTheEnd(KerasLayer):
    """A layer over axis 1, done by one over the last axis: Keras 3.15 on PyTorch hands a lone inner axis to a kernel that takes
    trailing ones only, and fails."""

    def call(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        return self.layer(x.movedim(1, -1)).movedim(-1, 1)


class Ghost(KerasLayer):
    """Keras 3 has no virtual batches: its layer on each of them. Options: `interleaved` groups, sample n in group n mod G
    (tf.keras 2), or contiguous ones; `sequential` updates, group by group (Hoffer et al. 2017), or one with the mean of the
    groups' means and variances (tf.keras 2)."""

    def __init__(self, layer: keras.layers.Layer, shape: list[int], state: Tensors, options: dict):
        super().__init__(layer, shape, state)
        self.options = options

    def call(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        size = self.options["virtual_batch_size"]
        groups = x.shape[0] // size
        index = torch.arange(x.shape[0])
        parts = [index[j::groups] if self.options["interleaved"] else index[j * size : (j + 1) * size] for j in range(groups)]
        kept = self.layer.non_trainable_variables
        before = [v.value.detach().clone() for v in kept]
        after = []
        outputs = []
        for part in parts:
            if not self.options["sequential"]:
                for variable, value in zip(kept, before):
                    variable.assign(value)
            outputs.append(self.layer(x[part], training=True))
            after.append([v.value.detach().clone() for v in kept])
        if not self.options["sequential"]:
            for variable, *values in zip(kept, *after):
                variable.assign(torch.stack(values).mean(0))
        return torch.cat(outputs)[torch.argsort(torch.cat(parts))]
