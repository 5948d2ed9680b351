"""What a model makes of data: outputs, how right they are, what its layers do."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.aval import Aval
from minikeras.visualization.explorer import evaluation, regression
from minikeras.visualization.explorer.data import Samples, even
from minikeras.visualization.explorer.layers import Layers
from minikeras.visualization.explorer.observed import (
    Observer,
    by_sample,
    outputs_of,
    run,
)
from minikeras.visualization.explorer.packing import pack, pack_bytes, size_of

if TYPE_CHECKING:
    from minikeras.models.model import Model


Array = np.ndarray[Any, Any]
Json = Any

_INPUT_BYTES = 1_200_000  # characters that samples may take in the page
_PRECOMPUTED = 32  # samples whose values are kept of layers that the page does not know
_PRECOMPUTED_BYTES = 1_500_000


class Gathered:
    """Runs a model on data.

    Args:
        model: The model.
        samples: The data.
        layers: Its layers, as the page lists them.
        avals: Shapes and dtypes of the inputs, for one sample.
        outputs: Its outputs, as the page lists them.
        most: How many samples may come along.
        eagerly: Whether no compiled step may be used.
    """

    def __init__(
        self, model: Model, samples: Samples, layers: Layers, avals: list[Aval],
        outputs: list[Json], most: int, eagerly: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.samples, self.layers = model, samples, layers
        self.avals, self.outputs = avals, outputs
        self.eagerly = eagerly
        self.predicted = self._predicted()
        kind = outputs[0]["kind"] if outputs else "values"
        chances = evaluation.probabilities(self.predicted[0], kind)
        truth = None
        if chances is not None:
            chances = np.nan_to_num(chances)
            truth = evaluation.classes_of(samples.labels, chances.shape[1])
        self.chances, self.truth = chances, truth
        worst: list[int] = []
        if truth is not None and chances is not None:
            worst = [int(i) for i in evaluation.mistakes(truth, chances)]
        self.targets = None
        if outputs and kind == "values":
            self.targets = regression.targets_of(samples.labels, self.predicted[0])
        if self.targets is not None:
            far = regression.farthest(self.targets, self.predicted[0])
            worst = [int(i) for i in far]
        self.rows = even(truth, len(samples), self._room(most), worst)
        self.chosen = samples.taken(self.rows)

    def _predicted(self) -> list[Array]:
        if self.eagerly:
            return outputs_of(self.model, self.samples)
        with warnings.catch_warnings():
            # A model that cannot be compiled runs eagerly; the page says that itself.
            warnings.simplefilter("ignore", RuntimeWarning)
            x = tree.unflatten(self.samples.structure, self.samples.inputs)
            found = self.model.predict(x, batch_size=128, verbose=0)
        return [np.asarray(leaf) for leaf in tree.flatten(found)]

    def payload(self, reason: str) -> Json:
        """Parts of the page's payload.

        Args:
            reason: Why some layers are not computed in the page.
        """
        observer = Observer(self.layers.rows, self.layers.calls, len(self.avals))
        observer.watch(self.model, self.chosen)
        return {
            "data": self._data(),
            "evaluation": self._evaluation(),
            "regression": self._regression(),
            "top": observer.top(),
            "statistics": observer.statistics(),
            "precomputed": self._precomputed(reason),
        }

    def _data(self) -> Json:
        packed, exact = self._packed(self.chosen)
        truth, chances, targets = self.truth, self.chances, self.targets
        return {
            "count": len(self.rows),
            "total": len(self.samples),
            "exact": exact,
            "inputs": packed,
            "labels": None if truth is None else truth[self.rows].tolist(),
            "predicted": []
            if chances is None
            else chances[self.rows].argmax(axis=1).tolist(),
            "outputs": pack(self.predicted[0][self.rows].astype("float32")),
            "names": _names(self.chosen),
            "texts": [_texts(x) for x in self.chosen.inputs],
            "targets": None
            if targets is None
            else regression.listed(targets[self.rows]),
        }

    def _places(self) -> dict[int, int]:
        return {int(row): i for i, row in enumerate(self.rows)}

    def _evaluation(self) -> Json:
        if self.truth is None or self.chances is None:
            return None
        return evaluation.evaluation(self.truth, self.chances, self._places())

    def _regression(self) -> Json:
        if self.targets is None:
            return None
        return regression.regression(self.targets, self.predicted[0], self._places())

    def _room(self, most: int) -> int:
        """How many samples fit into the page."""
        count = min(len(self.samples), most)
        some = self.samples.taken(np.arange(min(count, 64)))
        each = sum(size_of(p) for p in self._packed(some)[0]) / max(len(some), 1)
        return max(1, min(count, int(_INPUT_BYTES / max(each, 1))))

    def _packed(self, samples: Samples) -> tuple[list[Json], bool]:
        """The inputs, exactly where that is small, else in 8 bits."""
        found, exact = [], True
        for x, aval in zip(samples.inputs, self.avals, strict=True):
            if x.dtype.kind in "US":  # their text is in the samples' names
                found.append(pack(np.zeros(x.shape, "uint8")))
                continue
            packed = pack(x.astype(aval.dtype, copy=False))
            heavy = packed["coding"] == "raw" and size_of(packed) > _INPUT_BYTES / 4
            if heavy and x.dtype.kind == "f" and np.isfinite(x).all():
                packed, exact = pack_bytes(x), False
            found.append(packed)
        return found, exact

    def _precomputed(self, reason: str) -> list[Json]:
        """Values of layers that the page does not compute, for the first samples."""
        rows, calls = self.layers.rows, self.layers.calls
        dark = [i for i, row in enumerate(rows) if not row["live"]]
        if not dark:
            return []
        part = self.chosen.taken(np.arange(min(len(self.chosen), _PRECOMPUTED)))
        made = run(self.model, part, [call for call in calls if call is not None])
        ends = {
            (o["layer"], o["index"]): array[self.rows[: len(part)]]
            for o, array in zip(self.outputs, self.predicted)
        }
        found, room = [], _PRECOMPUTED_BYTES
        for i in dark:
            arrays = made[i - len(self.avals)] if calls[i] is not None else []
            for k, output in enumerate(rows[i]["outputs"]):
                array = arrays[k] if k < len(arrays) else ends.get((i, k))
                packed = _kept(array, len(part), output["shape"])
                if packed is None or size_of(packed) > room:
                    continue
                room -= size_of(packed)
                samples = list(range(len(part)))
                found.append(
                    {"layer": i, "output": k, "samples": samples, "values": packed,
                     "reason": reason}
                )  # fmt: skip
        return found


def _kept(array: Array | None, count: int, shape: list[int]) -> Json | None:
    values = None if array is None else by_sample(array, count, shape)
    if values is None or values.dtype.kind not in "fiub":
        return None
    return pack(np.ascontiguousarray(values.astype("float32")))


def _texts(x: Array) -> list[list[str]] | None:
    """The texts of each sample, of an input that is text."""
    if x.dtype.kind not in "US":
        return None
    return [[_text(v) for v in row] for row in x.reshape(len(x), -1).tolist()]


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _names(samples: Samples) -> list[str]:
    """Names of files; of samples that are texts, these."""
    if samples.names:
        return [str(n) for n in samples.names]
    texts = [found for x in samples.inputs if (found := _texts(x)) is not None]
    return [" ".join(row) for row in texts[0]] if texts else []
