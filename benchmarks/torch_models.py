"""The workloads in plain PyTorch: the same layers, data, loss and optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor


class Conv(nn.Module):
    """A convolution, normalized; with a bias, as in Keras's ResNet-50, where asked."""

    def __init__(
        self, cin: int, cout: int, size: int, strides: int = 1, bias: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, size, strides, size // 2, bias=bias)
        eps = 1.001e-5 if bias else 1e-3
        self.norm = nn.BatchNorm2d(cout, eps=eps, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class Basic(nn.Module):
    """ResNet-20's block."""

    def __init__(self, cin: int, cout: int, strides: int) -> None:
        super().__init__()
        self.first, self.second = Conv(cin, cout, 3, strides), Conv(cout, cout, 3)
        self.short = Conv(cin, cout, 1, strides) if strides == 2 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(functional.relu(self.first(x)))
        return functional.relu(y + self.short(x))


class Bottleneck(nn.Module):
    """ResNet-50's block; strides stand where Keras has them."""

    def __init__(self, cin: int, width: int, strides: int, projected: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Conv(cin, width, 1, strides, bias=True), nn.ReLU(),
            Conv(width, width, 3, bias=True), nn.ReLU(),
            Conv(width, 4 * width, 1, bias=True),
        )  # fmt: skip
        short = Conv(cin, 4 * width, 1, strides, bias=True)
        self.short = short if projected else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.short(x))


class LastState(nn.Module):
    """An LSTM of which the last state goes on."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(width, units, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0][:, -1]


class Block(nn.Module):
    """One encoder block, normalized first."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-3) for _ in range(2))
        self.gates = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norms[0](x)
        q, k, v = (
            g(y).unflatten(-1, (self.heads, -1)).transpose(1, 2) for g in self.gates[:3]
        )
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        x = x + self.gates[3](mixed.flatten(2))
        return x + self.down(functional.gelu(self.up(self.norms[1](x))))


class Mean(nn.Module):
    """The mean over positions."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(self.axes)


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(512, 10),
    )  # fmt: skip


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
    )  # fmt: skip


def resnet20() -> nn.Module:
    parts: list[nn.Module] = [Conv(3, 16, 3), nn.ReLU()]
    cin = 16
    for width in (16, 32, 64):
        for number in range(3):
            parts.append(Basic(cin, width, 2 if width > 16 and number == 0 else 1))
            cin = width
    return nn.Sequential(*parts, Mean(2, 3), nn.Linear(64, 10))


def resnet50() -> nn.Module:
    parts: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64, eps=1.001e-5, momentum=0.01),
        nn.ReLU(), nn.MaxPool2d(3, 2, 1),
    ]  # fmt: skip
    cin = 64
    for width, count, strides in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(count):
            first = number == 0
            parts.append(Bottleneck(cin, width, strides if first else 1, first))
            cin = 4 * width
    return nn.Sequential(*parts, Mean(2, 3), nn.Linear(2048, 10))


def lstm() -> nn.Module:
    return nn.Sequential(
        nn.Embedding(20_000, 128), LastState(128, 64), nn.Linear(64, 10)
    )


def encoder() -> nn.Module:
    blocks = [Block(512, 8, 2048) for _ in range(8)]
    norm = nn.LayerNorm(512, eps=1e-3)
    return nn.Sequential(
        nn.Embedding(20_000, 512), *blocks, norm, Mean(1), nn.Linear(512, 10)
    )


MODELS: dict[str, Callable[[], nn.Module]] = {
    f.__name__: f for f in (mlp, cnn, resnet20, resnet50, lstm, encoder)
}


class Trainer:
    """A model and its steps.

    Args:
        name: The workload's.
        precision: "float32", "tf32" or "bfloat16".
        compiled: Whether `torch.compile` makes the step.
    """

    def __init__(self, name: str, precision: str, compiled: bool) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        fast = precision == "tf32"
        torch.set_float32_matmul_precision("high" if fast else "highest")
        torch.backends.cudnn.allow_tf32 = fast
        torch.manual_seed(0)
        self.model = MODELS[name]().to(self.device)
        if name in ("cnn", "resnet20", "resnet50"):
            self.model = self.model.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), 1e-3, eps=1e-7, fused=self.device == "cuda"
        )
        self.half = precision == "bfloat16"
        self.forward = torch.compile(self._loss) if compiled else self._loss

    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            made = self.model(x)
        return functional.cross_entropy(made.float(), y)

    def step(self, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Tensor:
        """One step on a batch of the host's; the loss stays on the device."""
        batch = torch.from_numpy(x).to(self.device, non_blocking=True)
        if batch.ndim == 4:
            batch = batch.permute(0, 3, 1, 2)  # channels-last in memory, as ours
        labels = torch.from_numpy(y).to(self.device, non_blocking=True).long()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward(batch, labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def batches(
    x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], size: int
) -> Iterator[tuple[Any, Any]]:
    """An epoch in a new order."""
    order = np.random.default_rng().permutation(len(x))
    for at in range(0, len(x), size):
        rows = order[at : at + size]
        yield x[rows], y[rows]


def kernels(step: Callable[[], Any]) -> int | None:
    """How many kernels a call launches, by PyTorch's profiler; None on a processor."""
    if not torch.cuda.is_available():
        return None
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        step()
        torch.cuda.synchronize()
    return sum(e.device_type == torch.autograd.DeviceType.CUDA for e in seen.events())
