"""Models, optimizers and datasets of PyTorch, for its CPU and GPU candidates."""

import os

import torch
from torch import nn
from torch.nn import functional as F


def digits(job, prefix):
    """Normalised images, and labels."""
    mean, std = job["normalization"]["mean"], job["normalization"]["std"]
    pixels = read(job, f"{prefix}bytes", torch.uint8).float()
    labels = read(job, f"{prefix}labels", torch.int32).long()
    return ((pixels / 255 - mean) / std).view(-1, *example_shape(job)), labels


def create_step(job, model=None):
    """A function that trains a model (by default a new one) on one batch and returns the loss."""
    model = model or create_model(job)
    optimizer, schedule = create_optimizer(model, job["optimizer"], job["steps"])

    def step(x, t):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        return loss

    return step


def create_optimizer(model, options, steps):
    rate = options["learningRate"]
    if options["name"] == "sgd":
        return torch.optim.SGD(model.parameters(), lr=rate), None
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, betas=options["betas"])
    if not options.get("oneCycle"):
        return optimizer, None
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, cycle_momentum=False
    )


def example_shape(job):
    image = job.get("image")
    return (image["channels"], image["height"], image["width"]) if image else (job["features"],)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def resnet18(channels, classes):
    """handgrad's resnet18: torchvision's, with the module names of src/layers/containers/resnet18.ts."""
    return nn.Sequential(
        nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
        *residual_stage(64, 64, 1),
        *residual_stage(64, 128, 2),
        *residual_stage(128, 256, 2),
        *residual_stage(256, 512, 2),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(512, classes),
    )


def residual_stage(inputs, outputs, stride):
    return [*residual_block(inputs, outputs, stride), *residual_block(outputs, outputs, 1)]


def residual_block(inputs, outputs, stride):
    body = nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
    )
    if stride == 1 and inputs == outputs:
        return [Residual(body, nn.Identity()), nn.ReLU()]
    shortcut = nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False),
        nn.BatchNorm2d(outputs),
    )
    return [Residual(body, shortcut), nn.ReLU()]


LAYERS = {
    "conv2d": lambda inputs, outputs, kernel: nn.Conv2d(inputs, outputs, kernel),
    "flatten": nn.Flatten,
    "linear": lambda inputs, outputs: nn.Linear(inputs, outputs),
    "maxPool2d": lambda kernel: nn.MaxPool2d(kernel),
    "relu": nn.ReLU,
}


def create_layers(layers):
    """A model from the descriptions of its layers. ResNet-18 is the only layer of its model."""
    if layers[0]["name"] == "resnet18":
        return resnet18(**layers[0]["options"])
    return nn.Sequential(*(LAYERS[layer["name"]](**layer["options"]) for layer in layers))


def create_model(job):
    model = create_layers(job["layers"])
    for name, values in model.state_dict().items():
        # A counter of PyTorch that training does not read.
        if not name.endswith("num_batches_tracked"):
            values.copy_(read(job, name, torch.float32).view_as(values))
    return model


def read(job, name, dtype):
    with open(os.path.join(job["folder"], name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=dtype)
