"""Values and gradients of every op, as PyTorch computes them in float64.

A golden is a list of kernel calls by the library's names, and runs of it: values that are written
beforehand (given) and values that must be there afterwards (expected). Given values are float32
numbers, so that every backend sees the same.
"""

import numpy as np
import torch
import torch.nn.functional as F

from threefry import DATA, RandomStream, threefry2x32

random = RandomStream(0, DATA)

# What the library stores them as.
TYPES = {torch.float64: "float32", torch.int64: "int32", torch.uint8: "uint8"}


def reals(*shape, draws=random):
    """Random float32 numbers from −2 to 2, as a float64 tensor that takes a gradient."""
    return exact((4 * draws.floats(int(np.prod(shape))) - 2).reshape(shape))


def exact(values):
    """Values rounded to float32, as a float64 tensor that takes a gradient."""
    return torch.tensor(np.asarray(values, np.float32), dtype=torch.float64, requires_grad=True)


def labels(count, bound):
    return torch.tensor(random.below(bound, count))


class Golden:
    """One entry of ops.json."""

    def __init__(self, name):
        self.name = name
        self.shapes = {}
        self.types = {}
        self.calls = []
        self.runs = []

    def call(self, op, attributes=None, **roles):
        """Appends a kernel call: tensors' names by role."""
        self.calls.append({"op": op, "tensors": roles, "attributes": attributes or {}})

    def declare(self, name, shape):
        """A tensor that no run writes or compares."""
        self.shapes[name] = shape

    def run(self, given, expected):
        """Tensors to write, by name, and tensors to compare afterwards."""
        self.runs.append({"given": self.values(given), "expected": self.values(expected)})

    def values(self, tensors):
        for name, tensor in tensors.items():
            self.shapes[name] = list(tensor.shape)
            self.types[name] = TYPES[tensor.dtype]
        return {name: tensor.detach().ravel().tolist() for name, tensor in tensors.items()}

    def entry(self):
        tensors = {
            name: {"shape": shape, "dtype": self.types.get(name, "float32")}
            for name, shape in self.shapes.items()
        }
        return {"name": self.name, "tensors": tensors, "calls": self.calls, "runs": self.runs}


def names(*tensors):
    """Tensors that are named like their roles."""
    return {name: name for name in tensors}


def by_side(**pairs):
    """Attributes of a pair for rows and columns each, such as strideHeight and strideWidth."""
    return {
        name + side: pair[i] for name, pair in pairs.items() for i, side in enumerate(("Height", "Width"))
    }


def matmul_golden(transpose_a, transpose_b):
    M, N, K = 5, 7, 6
    A = reals(K, M) if transpose_a else reals(M, K)
    B = reals(N, K) if transpose_b else reals(K, N)
    C = (A.T if transpose_a else A) @ (B.T if transpose_b else B)
    dC = reals(M, N)
    dA, dB = torch.autograd.grad(C, (A, B), dC)

    def flags(a, b):
        return {"transposeA": int(a), "transposeB": int(b)}

    stored = f"{'Aᵀ' if transpose_a else 'A'} and {'Bᵀ' if transpose_b else 'B'}"
    golden = Golden(f"matmul of {stored}")
    golden.call("matmul", flags(transpose_a, transpose_b), **names("C", "A", "B"))
    if transpose_a:
        golden.call("matmul", flags(transpose_b, True), C="dA", A="B", B="dC")
    else:
        golden.call("matmul", flags(False, not transpose_b), C="dA", A="dC", B="B")
    if transpose_b:
        golden.call("matmul", flags(True, transpose_a), C="dB", A="dC", B="A")
    else:
        golden.call("matmul", flags(not transpose_a, False), C="dB", A="A", B="dC")
    golden.run({"A": A, "B": B, "dC": dC}, {"C": C, "dA": dA, "dB": dB})
    return golden


def linear_golden():
    x, W, b, dy = reals(5, 7), reals(7, 6), reals(6), reals(5, 6)
    y = F.linear(x, W.T, b)
    dx, dW, db = torch.autograd.grad(y, (x, W, b), dy)
    golden = Golden("linear")
    golden.call("linearForward", **names("y", "x", "W", "b"))
    golden.call("linearBackwardWeight", **names("dW", "x", "dy"))
    golden.call("linearBackwardBias", **names("db", "dy"))
    golden.call("linearBackwardInput", **names("dx", "dy", "W"))
    golden.run({"x": x, "W": W, "b": b, "dy": dy}, {"y": y, "dx": dx, "dW": dW, "db": db})
    return golden


def conv2d_golden(
    note, x_shape, W_shape, seed, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1
):
    """Tensors are the library's, channels last: they are permuted on their way into PyTorch and out.

    seed: of a stream of its own, so that the values of no other golden depend on it
    """
    draws = RandomStream(seed, DATA)
    x, W, b = (reals(*shape, draws=draws) for shape in (x_shape, W_shape, W_shape[3:]))
    images, weight = x.permute(0, 3, 1, 2), W.permute(3, 2, 0, 1)
    y = channels_last(F.conv2d(images, weight, b, stride, padding, dilation, groups))
    dy = reals(*y.shape, draws=draws)
    dx, dW, db = torch.autograd.grad(y, (x, W, b), dy)
    attributes = by_side(stride=stride, padding=padding, dilation=dilation) | {"groups": groups}
    golden = Golden("conv2d" + note)
    golden.call("conv2dForward", attributes, y="plain", x="x", W="W")
    golden.call("conv2dBiasForward", attributes, **names("y", "x", "W", "b"))
    golden.call("conv2dBackwardWeight", attributes, **names("dW", "x", "dy"))
    golden.call("conv2dBackwardBias", **names("db", "dy"))
    golden.call("conv2dBackwardInput", attributes, **names("dx", "dy", "W"))
    expected = {"plain": y - b, "y": y, "dx": dx, "dW": dW, "db": db}
    golden.run({"x": x, "W": W, "b": b, "dy": dy}, expected)
    return golden


def conv2d_goldens():
    every_option = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 3), "groups": 2}
    return [
        conv2d_golden("", (2, 4, 4, 2), (2, 3, 2, 3), 1),
        conv2d_golden(
            " with stride, padding, dilation and groups", (1, 5, 4, 4), (3, 2, 2, 4), 2, **every_option
        ),
    ]


def activation_golden(name, function, attributes=None, read="y"):
    """read: what backward reads beside dy."""
    edges = [0.0, 1e-3, -1e-3, 0.625, -0.625, 9.0, -9.0, 80.0, -80.0]
    x = exact(edges + reals(30).tolist())
    dy = reals(len(x))
    y = function(x)
    (dx,) = torch.autograd.grad(y, x, dy)
    golden = Golden(name)
    golden.call(f"{name}Forward", attributes, **names("y", "x"))
    golden.call(f"{name}Backward", attributes, **names("dx", "dy", read))
    golden.run({"x": x, "dy": dy}, {"y": y, "dx": dx})
    return golden


def residual_golden():
    x, dy = reals(5, 7), reals(5, 7)
    y = torch.tanh(x) + x
    (dx,) = torch.autograd.grad(y, x, dy)
    golden = Golden("add, in y = tanh x + x")
    golden.call("tanhForward", y="h", x="x")
    golden.call("add", y="y", a="h", b="x")
    golden.call("tanhBackward", dx="dh", dy="dy", y="h")
    golden.call("add", y="dx", a="dh", b="dy")
    for name in ("h", "dh"):
        golden.declare(name, [5, 7])
    golden.run({"x": x, "dy": dy}, {"y": y, "dx": dx})
    return golden


def flatten_golden():
    x, dy = reals(2, 3, 5, 6), reals(2, 90)
    y = torch.flatten(x.permute(0, 3, 1, 2), 1)
    (dx,) = torch.autograd.grad(y, x, dy)
    golden = Golden("flatten")
    golden.call("channelsFirst", **names("y", "x"))
    golden.call("channelsLast", y="dx", x="dy")
    golden.run({"x": x, "dy": dy}, {"y": y, "dx": dx})
    return golden


def dropout_mask(size, step, seed, stream, p):
    """Which elements are kept: the derivation in src/ops/dropout.ts, with NumPy."""
    blocks = np.arange(4 * -(-size // 16), dtype=np.uint32)
    w0, w1 = threefry2x32((seed, stream), (blocks, np.full_like(blocks, step)))
    low, high = np.uint32(0xFFFF), np.uint32(16)
    halves = np.stack([w0 & low, w0 >> high, w1 & low, w1 >> high])
    in_order = halves.reshape(4, -1, 4).transpose(1, 0, 2).ravel()[:size]
    return torch.tensor(in_order >= round(p * 2**16))


def dropout_golden():
    """The mask is the library's own; PyTorch has the function and its gradient."""
    attributes = {"seed": 3, "stream": 2**24 + 1, "p": 0.25}
    x, dy = reals(5, 13), reals(5, 13)
    kept = dropout_mask(65, 9, **attributes).reshape(5, 13)
    y = x * kept / (1 - attributes["p"])
    (dx,) = torch.autograd.grad(y, x, dy)
    golden = Golden("dropout")
    golden.call("dropoutForward", attributes, **names("y", "x", "state"))
    golden.call("dropoutBackward", attributes, **names("dx", "dy", "state"))
    golden.run({"x": x, "dy": dy, "state": torch.tensor([9, 0, 0, 0])}, {"y": y, "dx": dx})
    return golden


def channels_last(images):
    """(B, C, H, W), as PyTorch numbers images, to (B, H, W, C)."""
    return images.permute(0, 2, 3, 1)


def pooling_attributes(kernel, stride, padding):
    return by_side(kernel=kernel, stride=stride, padding=padding)


def window_positions(indices, width, kernel, stride, padding):
    """PyTorch's indices h·W + w of the maxima, as positions kh·KW + kw in their windows."""
    rows, columns = indices.shape[2:]
    top = (torch.arange(rows) * stride[0] - padding[0]).reshape(-1, 1)
    left = (torch.arange(columns) * stride[1] - padding[1]).reshape(1, -1)
    kh = indices.div(width, rounding_mode="floor") - top
    return (kh * kernel[1] + indices % width - left).to(torch.uint8)


def max_pool_golden(note, x, kernel, stride, padding=(0, 0)):
    y, indices = F.max_pool2d(x, kernel, stride, padding, return_indices=True)
    dy = reals(*y.shape)
    (dx,) = torch.autograd.grad(y, x, dy)
    index = window_positions(indices, x.shape[3], kernel, stride, padding)
    window = pooling_attributes(kernel, stride, padding)
    golden = Golden(f"maxPool2d, {note}")
    golden.call("maxPool2dForward", window, **names("y", "index", "x"))
    golden.call("maxPool2dBackward", window, **names("dx", "dy", "index"))
    given = {"x": x, "dy": dy}
    expected = {"y": y, "index": index, "dx": dx}
    golden.run(*({k: channels_last(v) for k, v in part.items()} for part in (given, expected)))
    return golden


def average_pool_golden(note, x, kernel, stride, padding=(0, 0)):
    y = F.avg_pool2d(x, kernel, stride, padding)
    dy = reals(*y.shape)
    (dx,) = torch.autograd.grad(y, x, dy)
    window = pooling_attributes(kernel, stride, padding)
    golden = Golden(f"averagePool2d, {note}")
    golden.call("averagePool2dForward", window, **names("y", "x"))
    golden.call("averagePool2dBackward", window, **names("dx", "dy"))
    given, expected = {"x": x, "dy": dy}, {"y": y, "dx": dx}
    golden.run(*({k: channels_last(v) for k, v in part.items()} for part in (given, expected)))
    return golden


def global_average_pool_golden():
    x, dy = reals(2, 5, 3, 4), reals(2, 5)
    y = F.adaptive_avg_pool2d(x, 1).flatten(1)
    (dx,) = torch.autograd.grad(y, x, dy)
    golden = Golden("globalAveragePool")
    golden.call("globalAveragePoolForward", **names("y", "x"))
    golden.call("globalAveragePoolBackward", **names("dx", "dy"))
    golden.run({"x": channels_last(x), "dy": dy}, {"y": y, "dx": channels_last(dx)})
    return golden


def pooling_goldens():
    """Windows side by side, of an odd image, overlapping and padded, and full of ties."""
    ties = torch.tensor(random.below(3, 2 * 3 * 7 * 6).reshape(2, 3, 7, 6)).double()
    goldens = []
    for make in (max_pool_golden, average_pool_golden):
        goldens += [
            make("2 × 2", reals(2, 3, 5, 6), (2, 2), (2, 2)),
            make("3 × 3, stride 2, padding 1", reals(2, 5, 6, 7), (3, 3), (2, 2), (1, 1)),
            make("3 × 2, stride 1 × 2, padding 1 × 0", reals(2, 1, 5, 7), (3, 2), (1, 2), (1, 0)),
            make("ties", ties.clone().requires_grad_(), (3, 3), (2, 1), (1, 1)),
        ]
    return [*goldens, global_average_pool_golden()]


def batch_norm_golden(name, x, last):
    """A step of training, then an evaluation with the running statistics that it left.

    last: brings PyTorch's (B, C, …) to channels last
    """
    momentum, epsilon = 0.1, 1e-5
    C = x.shape[1]
    gamma, beta, dy, seen = reals(C), reals(C), reals(*x.shape), reals(*x.shape)
    before = {"runningMean": reals(C).detach(), "runningVariance": reals(C).detach().abs()}
    running = {name: values.clone() for name, values in before.items()}
    statistics = running["runningMean"], running["runningVariance"]
    y = F.batch_norm(x, *statistics, gamma, beta, True, momentum, epsilon)
    dx, d_gamma, d_beta = torch.autograd.grad(y, (x, gamma, beta), dy)
    evaluated = F.batch_norm(seen, *statistics, gamma, beta, False, momentum, epsilon)
    axes = [axis for axis in range(x.dim()) if axis != 1]
    mean, variance = x.mean(axes), x.var(axes, unbiased=False)

    attributes = {"epsilon": epsilon}
    golden = Golden(name)
    saved = names("mean", "variance")
    golden.call("batchNormStatistics", **saved, x="x")
    golden.call(
        "updateRunningStatistics",
        {"momentum": momentum, "N": x.numel() // C},
        **saved,
        **names("runningMean", "runningVariance"),
    )
    golden.call("batchNormForward", attributes, **saved, **names("y", "x", "gamma", "beta"))
    golden.call(
        "batchNormBackwardParameters", attributes, **saved, **names("dGamma", "dBeta", "dy", "x")
    )
    golden.call(
        "batchNormBackwardInput",
        attributes,
        **saved,
        **names("dx", "dy", "x", "gamma", "dGamma", "dBeta"),
    )
    golden.call(
        "batchNormForward",
        attributes,
        **names("gamma", "beta"),
        y="evaluated",
        x="seen",
        mean="runningMean",
        variance="runningVariance",
    )
    golden.run(
        {"x": last(x), "seen": last(seen), "dy": last(dy), "gamma": gamma, "beta": beta, **before},
        {"mean": mean, "variance": variance, "y": last(y), "evaluated": last(evaluated), **running}
        | {"dx": last(dx), "dGamma": d_gamma, "dBeta": d_beta},
    )
    return golden


def batch_norm_goldens():
    return [
        batch_norm_golden("batchNorm of a matrix", reals(7, 5), lambda values: values),
        batch_norm_golden("batchNorm of images", reals(2, 3, 2, 4), channels_last),
    ]


def layer_norm_golden(note, shape, seed):
    """seed: of a stream of its own, so that the values of no other golden depend on it"""
    draws = RandomStream(seed, DATA)
    epsilon, C = 1e-5, shape[-1]
    x, dy = reals(*shape, draws=draws), reals(*shape, draws=draws)
    gamma, beta = reals(C, draws=draws), reals(C, draws=draws)
    y = F.layer_norm(x, (C,), gamma, beta, epsilon)
    dx, d_gamma, d_beta = torch.autograd.grad(y, (x, gamma, beta), dy)
    mean, rstd = x.mean(-1), (x.var(-1, unbiased=False) + epsilon).rsqrt()
    golden = Golden("layerNorm" + note)
    saved = names("dy", "x", "mean", "rstd")
    golden.call(
        "layerNormForward", {"epsilon": epsilon}, **names("y", "mean", "rstd", "x", "gamma", "beta")
    )
    golden.call("layerNormBackwardParameters", **names("dGamma", "dBeta"), **saved)
    golden.call("layerNormBackwardInput", **names("dx", "gamma"), **saved)
    golden.run(
        {"x": x, "dy": dy, "gamma": gamma, "beta": beta},
        {"y": y, "mean": mean, "rstd": rstd, "dx": dx, "dGamma": d_gamma, "dBeta": d_beta},
    )
    return golden


def layer_norm_goldens():
    return [
        layer_norm_golden(" of a matrix", (7, 5), 5),
        layer_norm_golden(" of sequences", (2, 3, 18), 6),
    ]


def embedding_golden():
    draws = RandomStream(7, DATA)
    V, D = 6, 5
    t = torch.tensor(draws.below(V - 1, 3 * 4).reshape(3, 4))  # The last row does not occur.
    W, dy = reals(V, D, draws=draws), reals(3, 4, D, draws=draws)
    y = F.embedding(t, W)
    (d_W,) = torch.autograd.grad(y, W, dy)
    golden = Golden("embedding")
    golden.call("embeddingForward", **names("y", "t", "W"))
    golden.call("embeddingBackward", **names("dW", "dy", "t"))
    golden.run({"t": t, "W": W, "dy": dy}, {"y": y, "dW": d_W})
    return golden


def group_norm_golden(note, shape, groups, seed):
    """shape: (B, C) or PyTorch's (B, C, H, W)"""
    draws = RandomStream(seed, DATA)
    epsilon, C = 1e-5, shape[1]
    x, dy = reals(*shape, draws=draws), reals(*shape, draws=draws)
    gamma, beta = reals(C, draws=draws), reals(C, draws=draws)
    y = F.group_norm(x, groups, gamma, beta, epsilon)
    dx, d_gamma, d_beta = torch.autograd.grad(y, (x, gamma, beta), dy)
    grouped = x.reshape(shape[0], groups, -1)
    mean, rstd = grouped.mean(-1), (grouped.var(-1, unbiased=False) + epsilon).rsqrt()
    last = channels_last if len(shape) == 4 else lambda values: values
    golden = Golden("groupNorm" + note)
    saved = names("dy", "x", "mean", "rstd")
    golden.call(
        "groupNormForward",
        {"epsilon": epsilon, "groups": groups},
        **names("y", "mean", "rstd", "x", "gamma", "beta"),
    )
    golden.call("groupNormBackwardParameters", **names("dGamma", "dBeta"), **saved)
    golden.call("groupNormBackwardInput", **names("dx", "gamma"), **saved)
    golden.run(
        {"x": last(x), "dy": last(dy), "gamma": gamma, "beta": beta},
        {"y": last(y), "mean": mean, "rstd": rstd}
        | {"dx": last(dx), "dGamma": d_gamma, "dBeta": d_beta},
    )
    return golden


def group_norm_goldens():
    return [
        group_norm_golden(" of images", (2, 6, 3, 2), 3, 8),
        group_norm_golden(" of a matrix", (3, 10), 2, 9),
    ]


def classification_golden(name, z, t, p, L, note=""):
    (dz,) = torch.autograd.grad(L, z)
    golden = Golden(name + note)
    golden.call(f"{name}Forward", **names("L", "p", "z", "t"))
    golden.call(f"{name}Backward", **names("dz", "p", "t"))
    golden.run({"z": z, "t": t}, {"L": L.reshape(1), "p": p, "dz": dz})
    return golden


def softmax_goldens():
    z, t = reals(9, 10), labels(9, 10)
    huge = exact([[1e4, -1e4, 0], [1e4, 1e4, 1e4], [-1e4, -1e4 + 1, -1e4], [100, 50, 0]])
    far = torch.tensor([1, 0, 2, 2])
    goldens = [
        classification_golden("softmaxCrossEntropy", z, t, F.softmax(z, 1), F.cross_entropy(z, t)),
        classification_golden(
            "softmaxCrossEntropy", huge, far, F.softmax(huge, 1), F.cross_entropy(huge, far), ", huge logits"
        ),
    ]
    alone = Golden("softmax")
    alone.call("softmaxForward", **names("p", "z"))
    alone.run({"z": z}, {"p": F.softmax(z, 1)})
    return [*goldens, alone]


def binary_goldens():
    z = exact([[60.0], [-60.0], [60.0], [-60.0], [0.0], *reals(13, 1).tolist()])
    t = torch.cat([torch.tensor([0, 0, 1, 1, 1]), labels(13, 2)])
    p, target = torch.sigmoid(z), t.double().reshape(-1, 1)
    cross_entropy = F.binary_cross_entropy_with_logits(z, target)
    mnist_loss = torch.where(target == 1, 1 - p, p).mean()
    return [
        classification_golden("binaryCrossEntropy", z, t, p, cross_entropy),
        classification_golden("mnistLoss", z, t, torch.sigmoid(z), mnist_loss),
    ]


def squared_error_golden(reduction):
    y, t = reals(11, 1), reals(11, 1)
    L = F.mse_loss(y, t, reduction=reduction)
    (dy,) = torch.autograd.grad(L, y)
    scale = {"scale": 1 / y.numel() if reduction == "mean" else 1}
    golden = Golden(f"squaredError, {reduction}")
    golden.call("squaredErrorForward", scale, **names("L", "y", "t"))
    golden.call("squaredErrorBackward", scale, **names("dy", "y", "t"))
    golden.run({"y": y, "t": t}, {"L": L.reshape(1), "dy": dy})
    return golden


def optimizer_golden(name, op, attributes, moments, make):
    """Five updates with a learning rate of its own each.

    moments: the library's names of what the optimizer keeps, with PyTorch's
    make: a PyTorch optimizer of a list of parameters
    """
    schedule = exact([0.1, 0.2, 0.05, 0.3, 0.01])
    w = reals(10)
    golden = Golden(name)
    roles = names("w", *moments, "dw", "schedule", "state")
    golden.call(op, attributes, **roles)
    golden.call("advance", {"batchSize": 1}, state="state")
    given = {"w": w.detach().clone(), "schedule": schedule, "state": torch.tensor([1, 0, 0, 0])}
    given |= {moment: torch.zeros(10, dtype=torch.float64) for moment in moments}
    optimizer = make([w])
    for rate in schedule.tolist():
        w.grad = reals(10).detach()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        kept = {ours: optimizer.state[w][theirs].clone() for ours, theirs in moments.items()}
        golden.run(given | {"dw": w.grad}, {"w": w.detach().clone(), **kept})
        given = {}
    return golden


def optimizer_goldens():
    velocity = {"v": "momentum_buffer"}
    moments = {"m": "exp_avg", "v": "exp_avg_sq"}
    decay = {"weightDecay": 0.1}
    momentum = {"momentum": 0.9, "weightDecay": 0.1}
    adam = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    optim = torch.optim
    return [
        optimizer_golden("SGD", "sgdUpdate", {"weightDecay": 0}, {}, lambda w: optim.SGD(w, 1)),
        optimizer_golden(
            "SGD with weight decay", "sgdUpdate", decay, {}, lambda w: optim.SGD(w, 1, weight_decay=0.1)
        ),
        optimizer_golden(
            "SGD with momentum",
            "sgdMomentumUpdate",
            momentum,
            velocity,
            lambda w: optim.SGD(w, 1, momentum=0.9, weight_decay=0.1),
        ),
        optimizer_golden(
            "SGD with Nesterov momentum",
            "sgdNesterovUpdate",
            momentum,
            velocity,
            lambda w: optim.SGD(w, 1, momentum=0.9, weight_decay=0.1, nesterov=True),
        ),
        optimizer_golden("Adam", "adamUpdate", adam | {"weightDecay": 0}, moments, optim.Adam),
        optimizer_golden(
            "Adam with weight decay",
            "adamUpdate",
            adam | decay,
            moments,
            lambda w: optim.Adam(w, weight_decay=0.1),
        ),
        optimizer_golden(
            "AdamW", "adamWUpdate", adam | decay, moments, lambda w: optim.AdamW(w, weight_decay=0.1)
        ),
    ]


def clipping_golden(limit):
    parameters = [reals(4), reals(5), reals(3)]
    gradients = [reals(parameter.numel()).detach() for parameter in parameters]
    golden = Golden(f"clip_grad_norm_ to {limit}")
    for slot in range(3):
        golden.call("sumOfSquares", {"slot": slot}, squares="squares", dw=f"dw{slot}")
    golden.call("clipFactor", {"limit": limit}, **names("factor", "squares"))
    for slot in range(3):
        golden.call("scaleGradient", dw=f"dw{slot}", factor="factor")
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
    squares = torch.stack([(gradient**2).sum() for gradient in gradients])
    assert torch.isclose(norm, squares.sum().sqrt())
    golden.declare("factor", [1])
    golden.run(
        {f"dw{slot}": gradient for slot, gradient in enumerate(gradients)},
        {"squares": squares}
        | {f"dw{slot}": parameter.grad for slot, parameter in enumerate(parameters)},
    )
    return golden


def gather_golden():
    """A batch of four rows that begins at the third entry of the index."""
    draws = RandomStream(3, DATA)
    N, features, B, position = 7, 5, 4, 2
    data = torch.tensor(draws.below(256, N * features).reshape(N, features)).to(torch.uint8)
    rows, classes = reals(N, features, draws=draws), torch.tensor(draws.below(10, N))
    index = torch.tensor([3, 0, 6, 2, 5, 6, 1])
    mean, std = 0.1307, 0.3081
    batch = index[position : position + B]
    golden = Golden("gather")
    where = names("index", "state")
    golden.call("gatherBytes", {"mean": mean, "std": std}, x="x", data="bytes", **where)
    golden.call("gatherReals", x="y", data="rows", **where)
    golden.call("gatherLabels", t="t", labels="labels", **where)
    golden.run(
        {"bytes": data, "rows": rows, "labels": classes, "index": index}
        | {"state": torch.tensor([1, 0, position, 0])},
        {"x": (data[batch].double() / 255 - mean) / std, "y": rows[batch], "t": classes[batch]},
    )
    return golden


def confusion_golden(note, columns, predict):
    """Counts of two batches, target by row and prediction by column; and those on the diagonal."""
    draws = RandomStream(4, DATA)
    classes = max(columns, 2)
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    golden = Golden(f"confusion matrix, {note}")
    golden.call("countConfusion", **names("confusion", "scores", "t"))
    golden.call("countCorrect", **names("counts", "scores", "t"))
    given = {"confusion": confusion.clone(), "counts": torch.zeros(classes, 2, dtype=torch.int64)}
    for _ in range(2):
        scores, t = reals(12, columns, draws=draws), torch.tensor(draws.below(classes, 12))
        cells = classes * t + predict(scores)
        confusion += torch.bincount(cells, minlength=classes**2).reshape(classes, classes)
        counts = torch.stack([confusion.sum(1), confusion.diagonal()], 1)
        expected = {"confusion": confusion.clone(), "counts": counts}
        golden.run(given | {"scores": scores, "t": t}, expected)
        given = {}
    return golden


def op_goldens():
    goldens = [matmul_golden(a, b) for a in (False, True) for b in (False, True)]
    goldens.append(linear_golden())
    goldens += conv2d_goldens()
    goldens += [
        activation_golden(name, getattr(torch, name)) for name in ("relu", "sigmoid", "tanh")
    ]
    goldens += softmax_goldens() + binary_goldens()
    goldens += [squared_error_golden(reduction) for reduction in ("mean", "sum")]
    goldens += optimizer_goldens() + [clipping_golden(limit) for limit in (0.5, 100)]
    goldens += [
        activation_golden(
            "leakyRelu", lambda x: F.leaky_relu(x, 0.25), attributes={"negativeSlope": 0.25}
        ),
        activation_golden("gelu", F.gelu, read="x"),
        residual_golden(),
        flatten_golden(),
        dropout_golden(),
    ]
    goldens += pooling_goldens() + batch_norm_goldens()
    goldens += [
        gather_golden(),
        confusion_golden("several classes", 4, lambda scores: scores.argmax(1)),
        confusion_golden("one logit", 1, lambda scores: (torch.sigmoid(scores[:, 0]) > 0.5).long()),
    ]
    goldens += [*layer_norm_goldens(), embedding_golden(), *group_norm_goldens()]
    return [golden.entry() for golden in goldens]
