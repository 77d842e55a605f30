"""
PyTorch, eager, on the first CUDA device, or on the CPU where there is none: `pytorch.py TASK`.

  matmul   torch.mm into a result that exists
  train    epochs of new models, after one that warms up: nn.Sequential and its optimizer, the dataset
           normalised and on the device beforehand, batches sliced, or gathered where it is shuffled

TF32 is off unless the task asks for it. `pytorch.py --describe` tells versions and the device.
"""

import json
import os
import sys
import time

import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "peers", "engines"))
import pytorch as peer  # noqa: E402

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CHECKED_ROWS = 8


def main():
    if sys.argv[1] == "--describe":
        print(json.dumps(describe()))
        return
    # Libraries print notices; only the answer belongs on stdout.
    answers, sys.stdout = sys.stdout, sys.stderr
    task = json.loads(sys.argv[1])
    try:
        answer = measure(task)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers, flush=True)


def measure(task):
    torch.backends.cuda.matmul.allow_tf32 = task["tf32"]
    torch.backends.cudnn.allow_tf32 = task["tf32"]
    # What trains at one size for long has this on.
    torch.backends.cudnn.benchmark = True
    measured = {"matmul": matmul, "train": train}[task["kind"]](task)
    return {"build": name(), **measured}


def matmul(task):
    return {"products": [product(n, task["patience"]) for n in task["sizes"]]}


def product(n, patience):
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
    ms = timed(run, patience)
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
    return tuple(values.to(DEVICE) for values in peer.digits(job, prefix))


def create_model(job):
    return peer.create_model(job).to(DEVICE)


def run_epoch(job, x, t, seed):
    """A new model, trained by one epoch, and the seconds that training took."""
    torch.manual_seed(seed)
    model = create_model(job)
    optimizer, schedule = peer.create_optimizer(model, job["optimizer"], job["steps"])
    wait()
    began = time.perf_counter()
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
    return model, time.perf_counter() - began


def accuracy(model, x, t, batch):
    model.eval()
    with torch.no_grad():
        right = sum((model(xs).argmax(1) == ts).sum() for xs, ts in zip(x.split(batch), t.split(batch)))
    return right.item() / len(t)


def timed(run, patience):
    """Milliseconds of doing some work once: see products.mjs, which does the same."""

    def time_of(times):
        began = time.perf_counter()
        run(times)
        return 1000 * (time.perf_counter() - began)

    wanted = patience["sampleMilliseconds"]
    times, last = 1, time_of(1)
    spent = last
    while spent < patience["warmUpMilliseconds"]:
        times = fitting(times, last, wanted)
        last = time_of(times)
        spent += last
    times = fitting(times, last, wanted)
    figures = sorted(time_of(times) / times for _ in range(patience["samples"]))

    def at(share):
        return figures[min(len(figures) - 1, int(share * len(figures)))]

    return {"min": figures[0], "median": at(0.5), "p95": at(0.95)}


def fitting(times, milliseconds, wanted):
    return max(1, min(round(times * wanted / max(milliseconds, 0.001)), 10 * times))


def wait():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def name():
    return f"torch {torch.__version__}, {DEVICE.type}"


def describe():
    has_cuda = DEVICE.type == "cuda"
    return {
        "torch": torch.__version__,
        "python": sys.version.split()[0],
        "device": torch.cuda.get_device_name(0) if has_cuda else "cpu",
        "isGpu": has_cuda,
        "cuda": torch.version.cuda if has_cuda else None,
        "cudnn": torch.backends.cudnn.version() if has_cuda else None,
    }


main()
