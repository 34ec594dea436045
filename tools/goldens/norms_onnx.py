"""Writes norms-onnx.json: ONNX's own node tests of normalization operators, and what they leave out, by its reference evaluator.

The evaluator must first reproduce every node test that the package ships. Then each of them is a case, with its attributes and
shapes but with inputs from recipes, computed in float64. Layouts are ONNX's: samples, channels, positions. Options of a case are the
node's attributes; `opset` picks an older definition, `output` another output than the first.
"""

import warnings
from collections.abc import Iterator

import numpy as np
import onnx
import torch
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

from norms_cases import NormCase, Tensors, affine, many, recipe, statistics, write

OPERATORS = (
    "BatchNormalization", "InstanceNormalization", "LayerNormalization", "RMSNormalization", "GroupNormalization",
    "LpNormalization", "LRN", "MeanVarianceNormalization",
)
# The names of a node's inputs behind x.
STATE = {
    "BatchNormalization": ("scale", "shift", "runningMean", "runningVariance"), "RMSNormalization": ("scale",),
    "LpNormalization": (), "LRN": (), "MeanVarianceNormalization": (),
}
# Constants in the function of this operator are float32, so its inputs must be.
NARROW = {"MeanVarianceNormalization"}
OPSET = 23
SEEN = [{"output": True}]
# A node test is good to a few roundings of float32.
TOLERANCE = 1e-6


class Node:
    """One operator as a layer. The evaluator of LpNormalization forgets the magnitudes that the operator takes for p = 1
    (its node tests have them), so it gets them, and the signs come back after."""

    def __init__(self, op: str, options: dict, state: Tensors):
        self.op, self.output, self.opset = op, options.get("output", 0), options.get("opset", OPSET)
        self.attributes = {k: v for k, v in options.items() if k not in ("opset", "output")}
        self.state = {name: value.numpy() for name, value in state.items()}

    def __call__(self, x: torch.Tensor, step: dict) -> torch.Tensor:
        outputs = self.run(x.detach().numpy(), step.get("mode", "train") == "train")
        if len(outputs) > 1 and self.op == "BatchNormalization":
            self.state |= {"runningMean": outputs[1], "runningVariance": outputs[2]}
        return torch.from_numpy(np.asarray(outputs[self.output], np.float64))

    def run(self, x: np.ndarray, training: bool) -> list[np.ndarray]:
        extra = dict(self.attributes)
        if self.op == "BatchNormalization":
            extra["training_mode"] = int(training)
        if self.op == "GroupNormalization" and self.opset >= 21:
            extra["stash_type"] = onnx.TensorProto.DOUBLE
        outputs = 3 if self.op == "LayerNormalization" or extra.get("training_mode") else 1
        magnitudes = self.op == "LpNormalization" and extra.get("p") == 1
        dtype = np.float32 if self.op in NARROW else np.float64
        inputs = [v.astype(dtype) for v in (np.abs(x) if magnitudes else x, *self.state.values())]
        results = evaluate(self.op, inputs, outputs, self.opset, extra)
        return [np.sign(x) * results[0]] if magnitudes else results

    def params(self) -> Tensors:
        return {}

    def running(self) -> Tensors:
        return {k: torch.from_numpy(v) for k, v in self.state.items() if k.startswith("running")}


def evaluate(op: str, inputs: list[np.ndarray], outputs: int, opset: int, attributes: dict) -> list[np.ndarray]:
    names, results = [f"in{i}" for i in range(len(inputs))], [f"out{i}" for i in range(outputs)]
    kind = onnx.helper.np_dtype_to_tensor_dtype(inputs[0].dtype)
    given = [onnx.helper.make_tensor_value_info(name, kind, v.shape) for name, v in zip(names, inputs)]
    made = [onnx.helper.make_tensor_value_info(name, kind, None) for name in results]
    graph = onnx.helper.make_graph([onnx.helper.make_node(op, names, results, **attributes)], op, given, made)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return ReferenceEvaluator(model).run(None, dict(zip(names, inputs)))


def case(row: str, name: str, op: str, shape: list[int], options: dict | None = None, state: dict | None = None,
         steps: list[dict] = SEEN, **more) -> NormCase:
    """Channels differ by a slope along axis 1, so that none stands for another."""
    x = recipe(shape, **({"axis": min(1, len(shape) - 1), "slope": 0.5} | more))
    return NormCase(row, name, op, options or {}, x, steps, lambda o, _, t: Node(op, o, t), state or {})


def node_tests() -> Iterator[NormCase]:
    """Every node test of the operators, but those that spell a function out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = [t for t in collect_testcases(None) if t.model.graph.node[0].op_type in OPERATORS and "expanded" not in t.name]
    for test in tests:
        node = test.model.graph.node[0]
        inputs, wanted = test.data_sets[0]
        got = ReferenceEvaluator(test.model).run(None, dict(zip(node.input, inputs)))
        assert all(np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE) for a, b in zip(got, wanted)), test.name
        options = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        training = options.pop("training_mode", 0) or node.op_type != "BatchNormalization"
        steps = [{"output": True, "running": node.op_type == "BatchNormalization", "mode": "train" if training else "eval"}]
        shapes = dict(zip(STATE.get(node.op_type, ("scale", "shift")), [list(v.shape) for v in inputs[1:]]))
        yield case("6.3.1", test.name, node.op_type, list(inputs[0].shape), options, {k: start(k, s) for k, s in shapes.items()}, steps)


def start(name: str, shape: list[int]) -> dict:
    return recipe(shape, bound=0.5, offset=1) if name in ("scale", "runningVariance") else recipe(shape, bound=1)


def more() -> list[NormCase]:
    """What the node tests leave out."""
    image, norm = [2, 6, 3, 5], "GroupNormalization"
    return [
        *(case("6.3.1", f"ten training steps, momentum {momentum or 'default'}", "BatchNormalization", [5, 3, 2, 2],
               {"momentum": momentum} if momentum else {}, affine(3) | statistics(3),
               [{**step, "output": step["values"], "values": False} for step in many()]) for momentum in (None, 0.75)),
        *(case("6.3.1", f"batch normalization of rank {len(shape)}", "BatchNormalization", shape, {}, affine(3) | statistics(3),
               [{"output": True, "running": True}]) for shape in ([5, 3], [4, 3, 5], [2, 3, 2, 3, 2])),
        *(case("6.3.1", f"instance normalization of rank {len(shape)}", "InstanceNormalization", shape, {}, affine(3))
          for shape in ([4, 3, 5], [2, 3, 2, 3, 2])),
        *(case("6.3.1", f"layer normalization, output {name}, axis {axis}", "LayerNormalization", [2, 3, 4, 5], {"axis": axis, "output": i},
               {"scale": recipe([3, 4, 5][axis - 1:], bound=0.5, offset=1)})
          for i, name in ((1, "Mean"), (2, "InvStdDev")) for axis in (1, 3)),
        *(case("6.3.1", f"group normalization, opset {opset}, {groups} groups", norm, image, {"num_groups": groups, "opset": opset},
               {k: start(k, [count]) for k in ("scale", "shift")})
          for groups in (1, 2, 3, 6) for opset, count in ((18, groups), (21, 6))),
        case("6.3.1", "group normalization of rank 3", norm, [2, 6, 5], {"num_groups": 3}, affine(6)),
        *(case("6.3.1", f"lp normalization, p {p}, axis {axis}, a zero vector", "LpNormalization", [2, 3, 4], {"p": p, "axis": axis},
               slope=0, set=[[at, "0"] for at in zeros])
          for p in (1, 2) for axis, zeros in ((2, range(4)), (1, (0, 4, 8)), (0, (0, 12)))),
        # The evaluator counts samples where it means channels: there are as many of both.
        *(case("6.3.1", f"local response of {size} channels", "LRN", [5, 5, 2, 3], {"size": size, "alpha": 0.5, "beta": 0.75, "bias": 1.5})
          for size in (2, 4, 5, 9)),
        *(case("6.3.1", f"mean and variance over {axes}", "MeanVarianceNormalization", [2, 3, 4, 5], {"axes": axes})
          for axes in ([0, 2, 3], [1, 2, 3], [2, 3])),
        case("6.3.1", "mean and variance, a constant channel", "MeanVarianceNormalization", [2, 3, 4, 5], channel=[1, 0.5]),
    ]


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    versions = {"onnx": onnx.__version__, "numpy": np.__version__}
    with np.errstate(invalid="ignore"):  # The evaluator divides zero vectors by 0 before it puts them right.
        write("norms-onnx", "norms_onnx.py", versions, [*node_tests(), *more()])


if __name__ == "__main__":
    main()
