"""Short trainings of single layers of Keras, and what its layers save."""

import keras
import torch

from cases import short
from norms_cases import STREAMS, digest, recipe, tensor
from norms_keras_layer import KerasLayer, NAMES

RATE, STEPS, SHAPE = 0.125, 5, [5, 3, 5, 3]
BASE = 60000


def records() -> list[dict]:
    switches = [{"scale": scale, "center": center} for scale in (True, False) for center in (True, False)]
    options = [*switches, {"axis": 1}, {"momentum": 0.5, "epsilon": 0.25}]
    return [trained(i, one) for i, one in enumerate(options)]


def trained(index: int, options: dict) -> dict:
    """SGD on mean((y - target)^2) over fresh batches, stream seed + step, towards one target, stream seed + 20. With an input
    that has to be learned as well, so that its gradient matters: y = layer(x * w), w of the channels' shape from ones."""
    seed = BASE + STREAMS * index
    channels = SHAPE[options.get("axis", -1)]
    layer = KerasLayer(keras.layers.BatchNormalization(**options), SHAPE, {})
    weight = keras.Variable(torch.ones(SHAPE[-1]), name="weight", dtype="float64")
    target = tensor(recipe(SHAPE, seed + 20, 1))
    optimizer = keras.optimizers.SGD(RATE)
    variables = [*layer.layer.trainable_variables, weight]
    losses = []
    for i in range(STEPS):
        x = tensor(recipe(SHAPE, seed + i, 2, slope=0.5))
        loss = torch.mean((layer(x * weight.value, {"mode": "train"}) - target) ** 2)
        losses.append(short(loss.item()))
        optimizer.apply(torch.autograd.grad(loss, [v.value for v in variables]), variables)
    last = tensor(recipe(SHAPE, seed + STEPS, 2, slope=0.5))
    with torch.no_grad():
        inference = layer(last * weight.value, {"mode": "eval"})
    state = {NAMES[v.name]: digest(v.value) for v in layer.layer.weights}
    return {
        "row": "6.2.1", "name": f"trained with {options}".replace("'", ""), "options": options, "seed": seed, "rate": RATE, "shape": SHAPE,
        "channels": channels, "losses": losses, "weight": digest(weight.value), "after": state, "inference": digest(inference),
    }


def states() -> list[dict]:
    """Names and shapes in the order in which a layer saves them."""
    norms = {
        "batchNorm": keras.layers.BatchNormalization(), "batchNorm without scale": keras.layers.BatchNormalization(scale=False),
        "batchNorm with renorm": keras.layers.BatchNormalization(renorm=True), "layerNorm": keras.layers.LayerNormalization(),
        "groupNorm": keras.layers.GroupNormalization(1), "rmsNorm": keras.layers.RMSNormalization(),
    }
    for layer in norms.values():
        layer.build((5, 3, 5, 3))
    return [
        {"row": "6.2.8", "name": name, "state": [[v.name, list(v.shape), v.trainable] for v in layer.weights]}
        for name, layer in norms.items()
    ]
