"""What layers do over samples: extremes, dead units, what excites a channel most."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.interpret import base, eagerly
from minikeras.engine.tensor import host_array
from minikeras.ops.op import to_tensor
from minikeras.visualization.explorer.capture import Capture, LayerCall, watched
from minikeras.visualization.explorer.data import Samples
from minikeras.visualization.explorer.kinds import channel_axis

if TYPE_CHECKING:
    from minikeras.models.model import Model


Array = np.ndarray[Any, Any]
Json = Any

_BATCH = 64
_TOP = 9
_MOST_TOPS = 1500  # channels of all layers together
_MOST_CHANNELS = 512  # of a layer; the page finds those of larger ones when asked
_PLAIN = ("input", "reshape", "dropout", "pad", "crop", "model")  # what only passes on
_RECTIFIED = ("relu", "relu6", "ReLU", "squared_relu")


def run(model: Model, samples: Samples, rows: Sequence[LayerCall]) -> list[list[Array]]:
    """The results of the page's calls of layers for a batch of samples: `[call][output]`.

    Args:
        model: The model.
        samples: The batch.
        rows: The calls that the page has rows for. Where steps in time run one by one, the
            cells inside of a recurrent layer are called too, once a step: these are no rows.
    """
    capture = Capture(base(), lambda: 0)
    given = [x if x.dtype.kind in "US" else to_tensor(x) for x in samples.inputs]

    def call() -> None:
        with watched(model, capture):
            model(tree.unflatten(samples.structure, given), training=False)

    eagerly(call)
    places = {_place(call) for call in rows}
    calls = [call for call in capture.calls if _place(call) in places]
    if len(calls) != len(rows):  # code that does another thing for each batch
        return [[] for _ in rows]
    return [[host_array(t.value) for t in call.made] for call in calls]


def _place(call: LayerCall) -> tuple[object, object]:
    return call.operation, None if call.parent is None else call.parent.operation


def outputs_of(model: Model, samples: Samples) -> list[Array]:
    """What a model gives for samples, by eager calls in batches."""

    def call(part: Samples) -> list[Array]:
        given = [x if x.dtype.kind in "US" else to_tensor(x) for x in part.inputs]
        made = model(tree.unflatten(part.structure, given), training=False)
        return [host_array(t.value) for t in tree.flatten(made)]

    found = []
    for start in range(0, len(samples), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(samples)))
        part = samples.taken(rows)
        found.append(eagerly(partial(call, part)))
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def by_sample(values: Array, count: int, shape: list[int]) -> Array | None:
    """Values `(samples, *shape)` out of a layer's result for a batch; None if they are not."""
    values = np.asarray(values)
    size = int(np.prod(shape))
    if values.size == count * size:
        return values.reshape(count, *shape)
    if values.size == size:  # the same for all samples
        return np.broadcast_to(values.reshape(1, *shape), (count, *shape))
    return None


class Observer:
    """Gathers, batch by batch, what the page is told about the layers.

    Args:
        rows: The page's rows of layers; inputs come first.
        calls: The calls that made them; None for those that no call made.
        inputs: How many of them are inputs.
    """

    def __init__(
        self, rows: list[Json], calls: Sequence[LayerCall | None], inputs: int
    ) -> None:
        self.rows, self._inputs = rows, inputs
        self._calls = [call for call in calls if call is not None]
        self._low = [np.inf] * len(rows)
        self._high = [-np.inf] * len(rows)
        self._sum = [0.0] * len(rows)
        self._count = [0] * len(rows)
        self._peaks: list[list[Array]] = [[] for _ in rows]
        self._where: list[list[Array]] = [[] for _ in rows]

    def watch(self, model: Model, samples: Samples) -> None:
        """Run all samples."""
        for start in range(0, len(samples), _BATCH):
            part = samples.taken(np.arange(start, min(start + _BATCH, len(samples))))
            for i, x in enumerate(part.inputs):
                self._see(i, x)
            for i, made in enumerate(run(model, part, self._calls), self._inputs):
                if not made:
                    continue
                shape = self.rows[i]["outputs"][0]["shape"]
                values = by_sample(made[0], len(part), shape)
                if values is not None:
                    self._see(i, values)

    def _see(self, number: int, values: Array) -> None:
        if values.dtype.kind not in "fiub" or not values.size:
            return
        if not np.isfinite(values).all():
            values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
        self._low[number] = min(self._low[number], float(values.min()))
        self._high[number] = max(self._high[number], float(values.max()))
        self._sum[number] += float(values.sum(dtype="float64"))
        self._count[number] += values.size
        row = self.rows[number]
        axis = channel_axis(row["outputs"][0]["view"])
        if axis is None or row["kind"] in _PLAIN:
            return
        if row["outputs"][0]["shape"][axis] > _MOST_CHANNELS:
            return
        lines = np.moveaxis(values, axis + 1, 1).reshape(
            len(values), values.shape[axis + 1], -1
        )
        where = lines.argmax(axis=2)
        self._where[number].append(where)
        self._peaks[number].append(
            np.take_along_axis(lines, where[..., None], 2)[..., 0]
        )

    def statistics(self) -> list[Json]:
        """`Payload.statistics`."""
        found: list[Json] = []
        for i, row in enumerate(self.rows):
            if not self._count[i]:
                found.append(None)
                continue
            dead: list[int] = []
            rectified = (
                row["activation"] in _RECTIFIED or row["className"] in _RECTIFIED
            )
            if rectified and self._peaks[i]:
                peaks = np.concatenate(self._peaks[i]).max(axis=0)
                dead = [int(c) for c in np.flatnonzero(peaks <= 0)]
            mean = self._sum[i] / self._count[i]
            found.append(
                {"low": self._low[i], "high": self._high[i], "mean": mean, "dead": dead}
            )
        return found

    def top(self) -> list[Json]:
        """`Payload.top`: the nine samples that excite each channel most.

        As many layers as there is room for; the page finds those of the others when asked.
        """
        found, room = [], _MOST_TOPS
        first = [i for i, row in enumerate(self.rows) if row["weights"]]
        others = [i for i, row in enumerate(self.rows) if not row["weights"]]
        for i in (*first, *others):
            if not self._peaks[i]:
                continue
            room -= self._peaks[i][0].shape[1]
            if room < 0:
                break
            found.append(self._top(i))
        return sorted(found, key=_layer)

    def _top(self, number: int) -> Json:
        peaks = np.concatenate(self._peaks[number])
        where = np.concatenate(self._where[number])
        # As floats: bytes and truth values have no negatives.
        order = np.argsort(-peaks.astype("float64"), axis=0, kind="stable")[:_TOP]
        output = self.rows[number]["outputs"][0]
        axis = channel_axis(output["view"])
        rest = [d for a, d in enumerate(output["shape"]) if a != axis]
        best = np.take_along_axis(peaks, order, 0).T
        flat = np.take_along_axis(where, order, 0).T
        at = np.unravel_index(flat, rest) if rest else ()
        places = np.stack(at, -1) if at else np.zeros((*flat.shape, 0), int)
        return {
            "layer": number,
            "samples": order.T.tolist(),
            "activations": [[float(f"{v:.7g}") for v in line] for line in best],
            "places": places.tolist(),
        }


def _layer(entry: Json) -> int:
    return int(entry["layer"])
