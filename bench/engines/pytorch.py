"""
PyTorch, eager, in a subprocess that accepts the commands of harness/serve.mjs. This file has the
workloads of the CPU suite, and pytorch_gpu.py those of the GPU suite.

  matmul   torch.mm into an existing result; a transposed operand is a view, which BLAS accepts
  conv2d   F.conv2d, channels first; for a gradient, aten's convolution_backward, which computes no other
  train    nn.Sequential and its optimizer, batches sliced beforehand; gradients set to None, the
           faster choice
  epoch    the same over all of MNIST with OneCycleLR, without its change of Adam's betas

`pytorch.py --describe` prints one object with versions, threads, BLAS and GPU.
"""

import ctypes
import json
import os
import sys
import time

import torch
from torch.nn import functional as F

from pytorch_model import create_model, create_step, digits, example_shape, read

# As in harness/wait-idle.mjs.
INTERVAL_SECONDS = 0.01
BUSY_SHARE = 0.1
TIMEOUT_SECONDS = 1

# Prefixes of environment variables that select kernels and the waiting policy of threads.
SETTINGS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "ATEN_", "DNNL_", "ONEDNN_")


def main():
    if sys.argv[1:] == ["--describe"]:
        print(json.dumps(describe()))
        return
    # Libraries print notices; only answers belong on stdout.
    answers, sys.stdout = sys.stdout, sys.stderr
    workload = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["command"] == "prepare":
                workload, answer = prepare(**command)
            elif command["command"] == "accuracy":
                answer = {"accuracy": workload.accuracy()}
            elif command["command"] == "measure":
                answer = measure(command["task"])
            else:
                answer = timed(workload.run, command["times"], command["prime"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class Workload:
    """The first result, and a function that runs the workload a number of times."""

    def __init__(self, result, run, accuracy=None):
        self.result, self.run, self.accuracy = result, run, accuracy


def prepare(job, threads, **_):
    torch.set_num_threads(threads)
    have = max(torch.get_num_threads(), blas().get("threads", 1))
    if have != threads:
        raise RuntimeError(f"asked for {threads} threads, it has {have}")
    workload = {"matmul": matmul, "conv2d": convolution, "train": train, "epoch": epoch}[job["subject"]](job)
    with open(os.path.join(job["folder"], job["result"]), "wb") as file:
        file.write(bytes(workload.result.detach().contiguous().numpy()))
    return workload, {"build": f"torch {torch.__version__}"}


def measure(task):
    import pytorch_gpu

    return pytorch_gpu.measure(task)


def timed(run, times, prime):
    if prime:
        run(1)
    start = time.perf_counter()
    run(times)
    seconds = time.perf_counter() - start
    wait_idle()
    return {"milliseconds": 1000 * seconds}


def wait_idle():
    """Waits until no thread of this process computes: see wait-idle.mjs."""
    end = time.perf_counter() + TIMEOUT_SECONDS
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(INTERVAL_SECONDS)
        if time.process_time() - before <= BUSY_SHARE * INTERVAL_SECONDS:
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
    return Workload(C, run)


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
    return Workload(compute().permute(back), run)


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
    return Workload(torch.stack(losses), run)


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
    return Workload(torch.stack(losses), run, accuracy)


def describe():
    has_cuda = torch.cuda.is_available()
    return {
        "torch": torch.__version__,
        "python": sys.version.split()[0],
        "defaultThreads": torch.get_num_threads(),
        "interopThreads": torch.get_num_interop_threads(),
        "parallel": torch.__config__.parallel_info().split("ATen parallel backend:")[-1].strip(),
        "blas": blas(),
        "variables": {k: v for k, v in os.environ.items() if k.startswith(SETTINGS)},
        "device": torch.cuda.get_device_name(0) if has_cuda else "cpu",
        "isGpu": has_cuda,
        "cuda": torch.version.cuda if has_cuda else None,
        "cudnn": torch.backends.cudnn.version() if has_cuda else None,
    }


def blas():
    """The BLAS library of torch: OpenBLAS if the process has loaded it, else the one named by its build."""
    library = loaded_openblas()
    if library is None:
        return {"name": next((w for w in torch.__config__.show().split(", ") if w.startswith("BLAS_INFO=")), "unknown")}
    library.openblas_get_config.restype = ctypes.c_char_p
    library.openblas_get_corename.restype = ctypes.c_char_p
    return {
        "name": library.openblas_get_config().decode(),
        # The processor whose kernels it uses: an older one than the machine's if OpenBLAS is older.
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
