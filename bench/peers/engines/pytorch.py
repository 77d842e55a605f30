"""
PyTorch, eager, on the CPU, in the role of serve.mjs: see there for the commands.

  matmul   torch.mm into a result that exists; a transposed operand is a view, which BLAS takes as it is
  conv2d   F.conv2d, channels first; of aten's convolution_backward, the one gradient that is wanted
  train    nn.Sequential and its optimizer, batches sliced beforehand; gradients set to None, the
           faster choice
  epoch    the same over all of MNIST with OneCycleLR, which changes Adam's betas unless told not to

`pytorch.py --describe` prints one object that tells version, threads and BLAS, and ends.
"""

import ctypes
import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

LOOK_SECONDS = 0.01
BUSY_SHARE = 0.1
PATIENCE_SECONDS = 1

# Beginnings of environment variables that change which kernels it takes and how its threads wait.
SETTINGS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "ATEN_", "DNNL_", "ONEDNN_")


def main():
    if sys.argv[1:] == ["--describe"]:
        print(json.dumps(describe()))
        return
    # Libraries print notices; only answers belong on stdout.
    answers, sys.stdout = sys.stdout, sys.stderr
    runner = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["command"] == "prepare":
                runner, answer = prepare(**command)
            elif command["command"] == "accuracy":
                answer = {"accuracy": runner.accuracy()}
            else:
                answer = timed(runner.run, command["times"], command["rouse"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class Runner:
    """What serve.mjs calls a runner: a first result, and what does the work so many times."""

    def __init__(self, result, run, accuracy=None):
        self.result, self.run, self.accuracy = result, run, accuracy


def prepare(job, threads, **_):
    torch.set_num_threads(threads)
    have = max(torch.get_num_threads(), blas().get("threads", 1))
    if have != threads:
        raise RuntimeError(f"asked for {threads} threads, it has {have}")
    runner = {"matmul": matmul, "conv2d": convolution, "train": train, "epoch": epoch}[job["subject"]](job)
    with open(os.path.join(job["folder"], job["result"]), "wb") as file:
        file.write(bytes(runner.result.detach().contiguous().numpy()))
    return runner, {"build": f"torch {torch.__version__}"}


def timed(run, times, rouse):
    if rouse:
        run(1)
    began = time.perf_counter()
    run(times)
    seconds = time.perf_counter() - began
    rest()
    return {"milliseconds": 1000 * seconds}


def rest():
    """Waits until no thread of this process computes any more: see rest.mjs."""
    end = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(LOOK_SECONDS)
        if time.process_time() - before <= BUSY_SHARE * LOOK_SECONDS:
            return


def matmul(job):
    M, K, N, transpose = job["m"], job["k"], job["n"], job["transpose"]
    a, b = read(job, "a", torch.float32), read(job, "b", torch.float32)
    A = a.view(K, M).t() if transpose[0] == "T" else a.view(M, K)
    B = b.view(N, K).t() if transpose[1] == "T" else b.view(K, N)
    C = torch.empty(M, N)

    def run(times):
        with torch.no_grad():
            for _ in range(times):
                torch.mm(A, B, out=C)

    run(1)
    return Runner(C, run)


def convolution(job):
    batch, extent, channels, outputs, kernel = (job[k] for k in ("batch", "extent", "channels", "outputs", "kernel"))
    output_extent = extent - kernel + 1
    x = images(read(job, "x", torch.float32).view(batch, extent, extent, channels))
    dy = images(read(job, "dy", torch.float32).view(batch, output_extent, output_extent, outputs))
    W = read(job, "W", torch.float32).view(kernel, kernel, channels, outputs).permute(3, 2, 0, 1).contiguous()

    def gradient(*wanted):
        plain = [1, 1], [0, 0], [1, 1], False, [0, 0], 1
        return torch.ops.aten.convolution_backward(dy, x, W, None, *plain, [*wanted, False])

    compute = {
        "y": lambda: F.conv2d(x, W),
        "dx": lambda: gradient(True, False)[0],
        "dW": lambda: gradient(False, True)[1],
    }[job["wanted"]]

    def run(times):
        with torch.no_grad():
            for _ in range(times):
                compute()

    back = (2, 3, 1, 0) if job["wanted"] == "dW" else (0, 2, 3, 1)
    return Runner(compute().permute(back), run)


def images(x):
    """(B, H, W, C) to (B, C, H, W)."""
    return x.permute(0, 3, 1, 2).contiguous()


def train(job):
    step = create_step(job)
    inputs = read(job, "inputs", torch.float32).view(-1, *example_shape(job)).split(job["batch"])
    labels = read(job, "labels", torch.int32).long().split(job["batch"])
    batches = list(zip(inputs, labels))

    def run(times):
        for _ in range(times):
            for x, t in batches:
                step(x, t)

    losses = [step(x, t) for x, t in batches[: job["checkedSteps"]]]
    return Runner(torch.stack(losses), run)


def epoch(job):
    batches = list(zip(*(values.split(job["batch"]) for values in digits(job, ""))))
    model = None

    def run(times):
        nonlocal model
        for _ in range(times):
            model = create_model(job)
            step = create_step(job, model)
            for x, t in batches:
                step(x, t)

    def accuracy():
        model.eval()
        x, t = digits(job, "test-")
        with torch.no_grad():
            return (model(x).argmax(1) == t).double().mean().item()

    first_step = create_step(job)
    losses = [first_step(x, t) for x, t in batches[: job["checkedSteps"]]]
    return Runner(torch.stack(losses), run, accuracy)


def digits(job, prefix):
    """Images, normalised, and labels."""
    mean, std = job["normalization"]["mean"], job["normalization"]["std"]
    pixels = read(job, f"{prefix}bytes", torch.uint8).float()
    labels = read(job, f"{prefix}labels", torch.int32).long()
    return ((pixels / 255 - mean) / std).view(-1, *example_shape(job)), labels


def create_step(job, model=None):
    """What trains a model, or a new one, by one batch, and returns the loss."""
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
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = create_layers(body)
        self.shortcut = create_layers(shortcut) if shortcut else nn.Identity()

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


LAYERS = {
    "batchNorm2d": nn.BatchNorm2d,
    "conv2d": nn.Conv2d,
    "flatten": nn.Flatten,
    "globalAveragePool": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "linear": nn.Linear,
    "maxPool2d": nn.MaxPool2d,
    "relu": nn.ReLU,
    "residual": Residual,
}


def create_layers(layers):
    return nn.Sequential(*(create_layer(*layer) for layer in layers))


def create_layer(kind, *args):
    """Options, where a layer has any, come last, under the names that PyTorch has too."""
    options = args[-1] if args and isinstance(args[-1], dict) else {}
    return LAYERS[kind](*args[: len(args) - bool(options)], **options)


def create_model(job):
    model = create_layers(job["layers"])
    for name, values in model.state_dict().items():
        # A counter of PyTorch's, which nothing reads.
        if not name.endswith("num_batches_tracked"):
            values.copy_(read(job, name, torch.float32).view_as(values))
    return model


def read(job, name, dtype):
    with open(os.path.join(job["folder"], name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=dtype)


def describe():
    return {
        "torch": torch.__version__,
        "python": sys.version.split()[0],
        "defaultThreads": torch.get_num_threads(),
        "interopThreads": torch.get_num_interop_threads(),
        "parallel": torch.__config__.parallel_info().split("ATen parallel backend:")[-1].strip(),
        "blas": blas(),
        "variables": {k: v for k, v in os.environ.items() if k.startswith(SETTINGS)},
    }


def blas():
    """What torch multiplies with: OpenBLAS, where the process has loaded it, or what its build says."""
    library = loaded_openblas()
    if library is None:
        return {"name": next((w for w in torch.__config__.show().split(", ") if w.startswith("BLAS_INFO=")), "unknown")}
    library.openblas_get_config.restype = ctypes.c_char_p
    library.openblas_get_corename.restype = ctypes.c_char_p
    return {
        "name": library.openblas_get_config().decode(),
        # Which processor's kernels it chose: an OpenBLAS older than the processor takes lesser ones.
        "kernels": library.openblas_get_corename().decode(),
        "threads": library.openblas_get_num_threads(),
    }


def loaded_openblas():
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split()[-1] for line in maps if "openblas" in line}
    except OSError:
        return None
    for path in sorted(paths):
        library = ctypes.CDLL(path)
        if hasattr(library, "openblas_get_corename"):
            return library
    return None


if __name__ == "__main__":
    main()
