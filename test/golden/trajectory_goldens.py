"""Ten training steps of three recipes, as PyTorch does them in float64.

Weights and batches come from the library's own generator, so they need not be stored. Of every
gradient, and of the weights in the end, the L2 norm is stored and the values at up to 64 positions.
"""

import numpy as np
import torch
import torch.nn.functional as F

from threefry import DATA, PARAMETERS, RandomStream

SEED = 2024
STEPS = 10
BATCH = 16
POSITIONS = 64

RECIPES = [
    {"name": "softmax", "widths": [784, 10], "optimizer": "sgd", "learningRate": 0.125},
    {"name": "mlp", "widths": [784, 30, 10], "optimizer": "sgd", "learningRate": 0.125},
    {"name": "mlp-deep", "widths": [784, 100, 100, 10], "optimizer": "adam", "learningRate": 2.0**-9},
]


def build_model(widths):
    """Linear layers with ReLU between, with the weights that the library draws for SEED."""
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).double()
    for number, parameter in enumerate(model.parameters()):
        inputs = widths[number // 2]
        random = RandomStream(SEED, PARAMETERS + number)
        values = (2 * random.floats(parameter.numel()) - 1) * (1 / np.sqrt(inputs))
        parameter.data = from_library(values.astype(np.float32).astype(np.float64), parameter.shape)
    return model


def from_library(values, shape):
    """The library keeps a weight as (inputs, outputs), PyTorch as (outputs, inputs)."""
    tensor = torch.tensor(values)
    return tensor.reshape(shape[::-1]).T.contiguous() if len(shape) == 2 else tensor


def to_library(tensor):
    return (tensor.T if tensor.dim() == 2 else tensor).detach().reshape(-1).numpy()


def draw_batch(number):
    random = RandomStream(SEED, DATA, number)
    x = 2 * random.floats(BATCH * 784) - 1
    t = random.below(10, BATCH)
    return torch.tensor(x.reshape(BATCH, 784)), torch.tensor(t)


def positions_of(size):
    """Positions within a parameter, in the library's layout."""
    if size <= POSITIONS:
        return list(range(size))
    drawn = RandomStream(SEED, DATA, size).below(size, POSITIONS)
    return sorted(set(drawn.tolist()))


def digest(tensor):
    values = to_library(tensor)
    chosen = values[positions_of(values.size)]
    return {"norm": float(np.linalg.norm(values)), "values": chosen.tolist()}


def trajectory(recipe):
    model = build_model(recipe["widths"])
    parameters = dict(model.named_parameters())
    rate = recipe["learningRate"]
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[recipe["optimizer"]]
    optimizer = make(model.parameters(), lr=rate)
    steps = []
    for number in range(STEPS):
        x, t = draw_batch(number)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        gradients = {name: digest(parameter.grad) for name, parameter in parameters.items()}
        steps.append({"loss": loss.item(), "gradients": gradients})
        optimizer.step()
    return {
        **recipe,
        "seed": SEED,
        "batchSize": BATCH,
        "positions": {name: positions_of(p.numel()) for name, p in parameters.items()},
        "steps": steps,
        "weights": {name: digest(parameter) for name, parameter in parameters.items()},
    }


def trajectory_goldens():
    return [trajectory(recipe) for recipe in RECIPES]
