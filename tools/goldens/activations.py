"""Golden cases of elementwise functions, softmax, linear, attention and losses."""

import torch
from torch.nn import functional as F

from cases import Case, coarse, whole


def cases() -> list[Case]:
    return [*elementwise(), *rows(), *losses()]


def elementwise() -> list[Case]:
    functions = {
        "relu": ({}, F.relu), "leakyRelu": ({"slope": 0.01}, F.leaky_relu), "elu": ({"alpha": 1}, F.elu),
        "selu": ({}, F.selu), "celu": ({"alpha": 0.5}, lambda x: F.celu(x, 0.5)), "gelu": ({}, F.gelu),
        "geluTanh": ({}, lambda x: F.gelu(x, approximate="tanh")), "silu": ({}, F.silu), "mish": ({}, F.mish),
        "softplus": ({}, F.softplus), "softsign": ({}, F.softsign), "sigmoid": ({}, torch.sigmoid),
        "tanh": ({}, torch.tanh), "hardSigmoid": ({}, F.hardsigmoid), "hardSwish": ({}, F.hardswish),
        "relu6": ({}, F.relu6), "erf": ({}, torch.erf), "logSigmoid": ({}, F.logsigmoid),
    }
    # Odd sixteenths from -8 to 8: no point lies on a kink, where frameworks may choose another subgradient.
    x = torch.arange(-129, 130, 6) / 16
    return [
        Case(name, name, options, {"x": x}, lambda a, f=function: f(a["x"]))
        for name, (options, function) in functions.items()
    ]


def rows() -> list[Case]:
    x = coarse(200, [3, 5], -8, 8)
    attention = {k: coarse(210 + i, [2, 3, 4]) for i, k in enumerate("qkv")}
    return [
        Case("softmax", "softmax", {"axis": -1}, {"x": x}, lambda a: F.softmax(a["x"], -1)),
        Case("softmax over axis 0", "softmax", {"axis": 0}, {"x": x}, lambda a: F.softmax(a["x"], 0)),
        Case("softmax of large values", "softmax", {"axis": -1}, {"x": x * 64 + 4096}, lambda a: F.softmax(a["x"], -1)),
        Case("logSoftmax", "logSoftmax", {"axis": -1}, {"x": x}, lambda a: F.log_softmax(a["x"], -1)),
        Case("logSumExp", "logSumExp", {"axis": -1}, {"x": x}, lambda a: torch.logsumexp(a["x"], -1)),
        Case("linear", "linear", {}, {"x": coarse(201, [4, 5]), "w": coarse(202, [5, 3]), "bias": coarse(203, [3])},
             lambda a: a["x"] @ a["w"] + a["bias"]),
        Case("attention", "attention", {"causal": False}, attention,
             lambda a: F.scaled_dot_product_attention(a["q"], a["k"], a["v"])),
        Case("attention, causal", "attention", {"causal": True}, attention,
             lambda a: F.scaled_dot_product_attention(a["q"], a["k"], a["v"], is_causal=True)),
    ]


def losses() -> list[Case]:
    logits, labels = coarse(220, [6, 4], -4, 4), whole(221, [6], 4)
    x, y = coarse(222, [3, 4]), coarse(223, [3, 4])
    bits = whole(224, [3, 4], 2)
    pair = {"x": x, "y": y}
    return [
        Case("crossEntropy", "crossEntropy", {}, {"logits": logits, "labels": labels},
             lambda a: F.cross_entropy(a["logits"], a["labels"])),
        Case("crossEntropy, smoothed labels", "crossEntropy", {"smoothing": 0.1}, {"logits": logits, "labels": labels},
             lambda a: F.cross_entropy(a["logits"], a["labels"], label_smoothing=0.1)),
        Case("crossEntropy of large logits", "crossEntropy", {}, {"logits": logits * 256, "labels": labels},
             lambda a: F.cross_entropy(a["logits"], a["labels"])),
        Case("mse", "mse", {}, pair, lambda a: F.mse_loss(a["x"], a["y"])),
        Case("mae", "mae", {}, {"x": x, "y": y + 1 / 32}, lambda a: F.l1_loss(a["x"], a["y"])),
        Case("huber", "huber", {"delta": 1}, {"x": x, "y": y + 1 / 32}, lambda a: F.huber_loss(a["x"], a["y"])),
        Case("binaryCrossEntropy", "binaryCrossEntropy", {"logits": True}, {"x": x, "labels": bits},
             lambda a: F.binary_cross_entropy_with_logits(a["x"], a["labels"].double())),
    ]
