"""
PyTorch, eager, on the first CUDA device, or on the CPU without one.

  matmul   torch.mm into an existing result
  train    epochs of new models, after a warm-up epoch: nn.Sequential and its optimizer; the dataset
           is normalised and on the device beforehand, batches are sliced, or gathered if shuffled

TF32 is off unless the task turns it on.
"""

import time

import torch
from torch.nn import functional as F

import pytorch_model as models

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CHECKED_ROWS = 8


def measure(task):
    torch.backends.cuda.matmul.allow_tf32 = task["tf32"]
    torch.backends.cudnn.allow_tf32 = task["tf32"]
    # The usual setting for training with fixed shapes.
    torch.backends.cudnn.benchmark = True
    measured = {"matmul": matmul, "train": train}[task["kind"]](task)
    return {"build": name(), **measured}


def matmul(task):
    return {"products": [product(n, task["timing"]) for n in task["sizes"]]}


def product(n, timing):
    torch.manual_seed(1)
    A, B = (2 * torch.rand(n, n) - 1 for _ in range(2))
    a, b = A.to(DEVICE), B.to(DEVICE)
    C = torch.empty(n, n, device=DEVICE)

    def run(times):
        for _ in range(times):
            torch.mm(a, b, out=C)
        wait()

    run(1)
    rows = [int((i + 0.5) * n / CHECKED_ROWS) for i in range(CHECKED_ROWS)]
    want = A[rows].double() @ B.double()
    magnitudes = A[rows].double().abs() @ B.double().abs()
    error = ((C[rows].cpu().double() - want).abs() / magnitudes).max().item()
    ms = timed(run, timing)
    return {"n": n, "ms": ms, "gflops": 2 * n**3 / ms["median"] / 1e6, "largestError": error}


def train(task):
    job = task["job"]
    x, t = on_device(job, "")
    test = on_device(job, "test-")
    model = create_model(job)
    loss = F.cross_entropy(model(x[: job["batch"]]), t[: job["batch"]]).item()
    for _ in range(task["warmUps"]):
        run_epoch(job, x, t, 0)
    epochs = []
    for seed in range(task["runs"]):
        trained, seconds = run_epoch(job, x, t, seed)
        epochs.append({"seconds": seconds, "accuracy": accuracy(trained, *test, job["batch"])})
    parameters = sum(p.numel() for p in model.parameters())
    return {"parameters": parameters, "losses": [loss], "epochs": epochs}


def on_device(job, prefix):
    return tuple(values.to(DEVICE) for values in models.digits(job, prefix))


def create_model(job):
    return models.create_model(job).to(DEVICE)


def run_epoch(job, x, t, seed):
    """Trains a new model for one epoch. Returns the model, and the seconds of training."""
    torch.manual_seed(seed)
    model = create_model(job)
    optimizer, schedule = models.create_optimizer(model, job["optimizer"], job["steps"])
    wait()
    start = time.perf_counter()
    order = torch.randperm(len(x), device=DEVICE) if job.get("shuffle") else None
    for begin in range(0, len(x), job["batch"]):
        rows = slice(begin, begin + job["batch"])
        if order is not None:
            rows = order[rows]
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x[rows]), t[rows]).backward()
        optimizer.step()
        if schedule:
            schedule.step()
    wait()
    return model, time.perf_counter() - start


def accuracy(model, x, t, batch):
    model.eval()
    with torch.no_grad():
        right = sum((model(xs).argmax(1) == ts).sum() for xs, ts in zip(x.split(batch), t.split(batch)))
    return right.item() / len(t)


def timed(run, timing):
    """Milliseconds of one run of a workload, measured as in harness/square-product.mjs."""

    def time_of(times):
        start = time.perf_counter()
        run(times)
        return 1000 * (time.perf_counter() - start)

    target = timing["sampleMilliseconds"]
    times, last = 1, time_of(1)
    spent = last
    while spent < timing["warmUpMilliseconds"]:
        times = fitting(times, last, target)
        last = time_of(times)
        spent += last
    times = fitting(times, last, target)
    figures = sorted(time_of(times) / times for _ in range(timing["samples"]))

    def at(share):
        return figures[min(len(figures) - 1, int(share * len(figures)))]

    return {"min": figures[0], "median": at(0.5), "p95": at(0.95)}


def fitting(times, milliseconds, target):
    return max(1, min(round(times * target / max(milliseconds, 0.001)), 10 * times))


def wait():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def name():
    return f"torch {torch.__version__}, {DEVICE.type}"
