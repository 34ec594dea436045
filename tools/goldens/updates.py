"""Golden sequences of update rules: one parameter of six values, six given gradients, its value after every step."""

import torch

from cases import coarse, dense

STEPS, SIZE = 6, 6

RULES = {
    "sgd": (torch.optim.SGD, [
        {"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.01}, {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True}, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ]),
    "adam": (torch.optim.Adam, [
        {"lr": 0.01}, {"lr": 0.01, "betas": [0.8, 0.95], "eps": 1e-3}, {"lr": 0.01, "weight_decay": 0.1},
        {"lr": 0.01, "amsgrad": True},
    ]),
    "adamW": (torch.optim.AdamW, [{"lr": 0.01}, {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}]),
    "nadam": (torch.optim.NAdam, [{"lr": 0.01}]),
    "radam": (torch.optim.RAdam, [{"lr": 0.01}]),
    "adamax": (torch.optim.Adamax, [{"lr": 0.01}]),
    "rmsProp": (torch.optim.RMSprop, [
        {"lr": 0.01}, {"lr": 0.01, "momentum": 0.9}, {"lr": 0.01, "centered": True, "weight_decay": 0.1},
    ]),
    "adagrad": (torch.optim.Adagrad, [{"lr": 0.1}, {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}]),
    "adadelta": (torch.optim.Adadelta, [{"lr": 1.0}]),
}


def records() -> list[dict]:
    return [record(rule, make, options) for rule, (make, variants) in RULES.items() for options in variants]


def record(rule: str, make, options: dict) -> dict:
    """`options` are PyTorch's, in its names; `defaults` are all those in force."""
    parameter = coarse(300, [SIZE]).requires_grad_()
    initial = dense(parameter)
    optimizer = make([parameter], **options)
    gradients = [coarse(310 + i, [SIZE]) for i in range(STEPS)]
    values = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        values.append(dense(parameter)["data"])
    plain = {k: v for k, v in optimizer.defaults.items() if isinstance(v, (int, float, list, tuple))}
    return {
        "rule": rule, "options": options, "defaults": plain, "initial": initial["data"],
        "gradients": [dense(g)["data"] for g in gradients], "values": values,
    }
