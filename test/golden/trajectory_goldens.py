"""The first training steps of recipes and of a residual network, as PyTorch does them in float64.

Weights and batches come from the library's own generator, so they need not be stored. Of every
gradient, and of weights and running statistics in the end, are stored the L2 norm, the dot product
with random numbers, which every element changes by its own measure, and the values at up to 64
positions.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from threefry import DATA, PARAMETERS, RandomStream

CLASSES = 10
POSITIONS = 64


def perceptron(*widths):
    """Linear layers with ReLU between."""
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers[:-1]


def conv():
    return [
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5)),
        *(nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, CLASSES)),
    ]


def conv_fast():
    return [
        *(nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, CLASSES)),
    ]


class Residual(nn.Module):
    """body(x) + shortcut(x), with the library's names."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def residual():
    return [
        *(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(Residual(4, 4, 1), nn.ReLU()),
        *(Residual(4, 6, 2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES)),
    ]


SGD = {"optimizer": "sgd", "learningRate": 0.125}
MATRICES = {"input": [784], "steps": 10, "batchSize": 16, "seed": 2024}
# With this seed no input of a ReLU, and no two largest values of a pooling window, come so close to a
# tie that rounding to float32 could decide it and send a gradient elsewhere.
IMAGES = {"steps": 5, "batchSize": 8, "seed": 2096}

RUNS = [
    {"name": "softmax", "layers": perceptron(784, 10), **MATRICES, **SGD},
    {"name": "mlp", "layers": perceptron(784, 30, 10), **MATRICES, **SGD},
    {
        "name": "mlp-deep",
        "layers": perceptron(784, 100, 100, 10),
        **MATRICES,
        "optimizer": "adam",
        "learningRate": 2.0**-9,
    },
    {"name": "conv", "layers": conv(), **IMAGES, "input": [1, 28, 28], **SGD},
    {
        "name": "conv-fast",
        "layers": conv_fast(),
        **IMAGES,
        "input": [1, 28, 28],
        "optimizer": "adam, one cycle",
        "learningRate": 0.01,
    },
    {"name": "residual", "layers": residual(), **IMAGES, "input": [2, 10, 9], **SGD},
]


def build_model(layers, seed):
    """The layers in float64, with the weights that the library draws for the seed."""
    # Dropout, which needs the library's own masks, is left out: op_goldens.py has it.
    layers = [nn.Identity() if isinstance(layer, nn.Dropout) else layer for layer in layers]
    model = nn.Sequential(*layers).double()
    number = 0
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            # Those of batch normalisation begin as ones and zeros, there as here.
            if not isinstance(module, nn.BatchNorm2d):
                random = RandomStream(seed, PARAMETERS + number)
                fan_in = module.weight[0].numel()
                values = (2 * random.floats(parameter.numel()) - 1) * (1 / np.sqrt(fan_in))
                values = values.astype(np.float32).astype(np.float64)
                parameter.data = from_library(values, parameter.shape)
            number += 1
    return model


# PyTorch has matrices as (outputs, inputs) and kernels as (OC, C, KH, KW), the library as
# (inputs, outputs) and (KH, KW, C, OC).
TO_LIBRARY = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
FROM_LIBRARY = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}


def from_library(values, shape):
    library_shape = [shape[axis] for axis in TO_LIBRARY[len(shape)]]
    tensor = torch.tensor(values).reshape(library_shape)
    return tensor.permute(FROM_LIBRARY[len(shape)]).contiguous()


def to_library(tensor):
    return tensor.permute(TO_LIBRARY[tensor.dim()]).detach().reshape(-1).numpy()


def draw_batch(run, number):
    random = RandomStream(run["seed"], DATA, number)
    shape = [run["batchSize"], *run["input"]]
    x = 2 * random.floats(int(np.prod(shape))) - 1
    t = random.below(CLASSES, run["batchSize"])
    return torch.tensor(x.reshape(shape)), torch.tensor(t)


def positions_of(size):
    """Positions within a tensor, in the library's layout."""
    if size <= POSITIONS:
        return list(range(size))
    drawn = RandomStream(0, DATA, size).below(size, POSITIONS)
    return sorted(set(drawn.tolist()))


def digest(tensor):
    values = to_library(tensor)
    direction = 2 * RandomStream(0, DATA, values.size).floats(values.size) - 1
    return {
        "norm": float(np.linalg.norm(values)),
        "projection": float(values @ direction),
        "values": values[positions_of(values.size)].tolist(),
    }


def build_optimizer(run, parameters):
    """The optimizer, and a schedule of its learning rate if it has one."""
    rate, steps = run["learningRate"], run["steps"]
    if run["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, lr=rate), None
    if run["optimizer"] == "adam":
        return torch.optim.Adam(parameters, lr=rate), None
    optimizer = torch.optim.Adam(parameters, betas=(0.7, 0.9))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, cycle_momentum=False
    )
    return optimizer, schedule


def trajectory(run):
    model = build_model(run["layers"], run["seed"])
    parameters = dict(model.named_parameters())
    optimizer, schedule = build_optimizer(run, model.parameters())
    steps = []
    for number in range(run["steps"]):
        x, t = draw_batch(run, number)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        gradients = {name: digest(parameter.grad) for name, parameter in parameters.items()}
        steps.append({"loss": loss.item(), "gradients": gradients})
        optimizer.step()
        if schedule and number + 1 < run["steps"]:
            schedule.step()
    state = {name: t for name, t in model.state_dict().items() if t.dim() > 0}
    stored = ("name", "optimizer", "learningRate", "batchSize", "seed")
    return {
        **{key: run[key] for key in stored},
        "positions": {name: positions_of(tensor.numel()) for name, tensor in state.items()},
        "steps": steps,
        "state": {name: digest(tensor) for name, tensor in state.items()},
    }


def trajectory_goldens():
    return [trajectory(run) for run in RUNS]
