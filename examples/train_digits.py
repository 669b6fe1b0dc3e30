"""Train the example network and write the three files that the project ships.

    examples/digits.onnx         a residual CNN for 8 x 8 handwritten digits
    examples/digits_test.npz     labelled images that took no part in training
    examples/digits_calib.npz    64 training images, to calibrate the quantization

The data are the 1797 digits in scikit-learn. Every image is 1 x 8 x 8 with values 0..16, divided
by 16. Run `pip install -e '.[train]'` first, then `python examples/train_digits.py`.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = Path(__file__).parent
EPOCHS = 60
BATCH = 32


class Digits(nn.Module):
    """Stem, residual block, depthwise reduction, 1 x 1 expansion, 3 x 3, pool, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 32, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(32)
        self.block1 = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.block1_norm = nn.BatchNorm2d(32)
        self.block2 = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.block2_norm = nn.BatchNorm2d(32)
        self.reduce = nn.Conv2d(32, 32, 3, stride=2, padding=1, groups=32, bias=False)
        self.reduce_norm = nn.BatchNorm2d(32)
        self.expand = nn.Conv2d(32, 48, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(48)
        self.mix = nn.Conv2d(48, 48, 3, padding=1, bias=False)
        self.mix_norm = nn.BatchNorm2d(48)
        self.classify = nn.Linear(48, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem_norm(self.stem(x)))
        y = torch.relu(self.block1_norm(self.block1(x)))
        x = torch.relu(self.block2_norm(self.block2(y)) + x)
        x = torch.relu(self.reduce_norm(self.reduce(x)))
        x = torch.relu(self.expand_norm(self.expand(x)))
        x = torch.relu(self.mix_norm(self.mix(x)))
        return self.classify(x.mean(dim=(2, 3)))


def train(x: np.ndarray, y: np.ndarray) -> Digits:
    """A network trained on `x` (N, 1, 8, 8) with labels `y` (N,), shifted by up to a pixel."""
    torch.manual_seed(0)
    network = Digits()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    images, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for start in range(0, len(x) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            rows, columns = torch.randint(-1, 2, (2,)).tolist()
            shifted = torch.roll(images[batch], (rows, columns), dims=(2, 3))
            loss = nn.functional.cross_entropy(network(shifted), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def to_onnx(network: Digits) -> onnx.ModelProto:
    """The network as ONNX, batch normalization not folded, so that the importer has it to do."""
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, np.ndarray] = {}

    def constant(name: str) -> str:
        constants[name] = weights[name]
        return name

    def node(kind: str, name: str, inputs: list[str], **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [name + "_out"], name=name, **attributes))
        return name + "_out"

    def conv(name: str, source: str, *, relu: bool = True) -> str:
        layer = getattr(network, name)
        pad = layer.padding[0]
        out = node(
            "Conv",
            name,
            [source, constant(name + ".weight")],
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.stride),
            pads=[pad] * 4,
            group=layer.groups,
        )
        norm = [f"{name}_norm.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        out = node("BatchNormalization", name + "_norm", [out, *map(constant, norm)], epsilon=1e-5)
        return node("Relu", name + "_relu", [out]) if relu else out

    stem = conv("stem", "input")
    block = conv("block2", conv("block1", stem), relu=False)
    skip = node("Relu", "add_relu", [node("Add", "add", [block, stem])])
    mixed = conv("mix", conv("expand", conv("reduce", skip)))
    pooled = node("Flatten", "flatten", [node("GlobalAveragePool", "pool", [mixed])])
    parts = [constant("classify.weight"), constant("classify.bias")]
    node("Gemm", "classify", [pooled, *parts], transB=1)
    nodes[-1].output[0] = "output"

    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 1, 8, 8) / 16.0).astype(np.float32)
    parts = train_test_split(x, y, test_size=360, random_state=0, stratify=y)
    x_train, x_test, y_train, y_test = parts
    network = train(x_train, y_train)
    with torch.no_grad():
        accuracy = (network(torch.from_numpy(x_test)).argmax(1).numpy() == y_test).mean()
    onnx.save(to_onnx(network), HERE / "digits.onnx")
    np.savez_compressed(HERE / "digits_test.npz", x=x_test, y=y_test.astype(np.int64))
    np.savez_compressed(HERE / "digits_calib.npz", x=x_train[:64], y=y_train[:64].astype(np.int64))
    count = sum(parameter.numel() for parameter in network.parameters())
    print(f"{count} parameters, top-1 {accuracy:.4f} on {len(x_test)} test images")


if __name__ == "__main__":
    main()
