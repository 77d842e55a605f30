"""
PyTorch, eager, on the CPU, in the role of serve.mjs: see there for the commands.

  matmul   torch.mm into a result that exists; a transposed operand is a view, which BLAS takes as it is
  train    nn.Sequential and SGD, batches sliced beforehand; gradients set to None, the faster choice

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
            else:
                answer = timed(runner, command["times"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def prepare(job, threads, **_):
    torch.set_num_threads(threads)
    have = max(torch.get_num_threads(), blas().get("threads", 1))
    if have != threads:
        raise RuntimeError(f"asked for {threads} threads, it has {have}")
    result, run = {"matmul": matmul, "train": train}[job["subject"]](job)
    with open(os.path.join(job["folder"], job["result"]), "wb") as file:
        file.write(bytes(result.detach().contiguous().numpy()))
    return run, {"build": f"torch {torch.__version__}"}


def timed(run, times):
    # Once for nothing: after a rest, threads sleep and caches hold what others left there.
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
    return C, run


def train(job):
    model = create_model(job)
    optimizer = torch.optim.SGD(model.parameters(), lr=job["learningRate"])
    inputs = read(job, "inputs", torch.float32).view(-1, job["layers"][0]).split(job["batch"])
    labels = read(job, "labels", torch.int32).long().split(job["batch"])
    batches = list(zip(inputs, labels))

    def step(x, t):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        return loss

    def run(times):
        for _ in range(times):
            for x, t in batches:
                step(x, t)

    losses = [step(x, t) for x, t in batches[: job["checkedSteps"]]]
    return torch.stack(losses), run


def create_model(job):
    layers = job["layers"]
    modules = [nn.Linear(layers[0], layers[1])]
    for inputs, outputs in zip(layers[1:], layers[2:]):
        modules += [nn.ReLU(), nn.Linear(inputs, outputs)]
    model = nn.Sequential(*modules)
    state = {name: read(job, name, torch.float32).view_as(w) for name, w in model.state_dict().items()}
    model.load_state_dict(state)
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


main()
