"""The payload of a model's page, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import STRING
from minikeras.engine.errors import see
from minikeras.engine.tensor import TraceError, host_array
from minikeras.layers.preprocessing.host import HostOnlyError
from minikeras.version import __version__
from minikeras.visualization.explorer import evaluation
from minikeras.visualization.explorer.code import model_code
from minikeras.visualization.explorer.data import Samples
from minikeras.visualization.explorer.gathered import Gathered
from minikeras.visualization.explorer.inputs import image_info, input_kind, input_view
from minikeras.visualization.explorer.kinds import kind_of
from minikeras.visualization.explorer.layers import Layers, key_of
from minikeras.visualization.explorer.packing import pack, pack_bytes
from minikeras.visualization.explorer.plain import number
from minikeras.visualization.explorer.program import Program
from minikeras.visualization.explorer.staged import Staged, staged, unstaged
from minikeras.visualization.explorer.starting import afresh, keeping

if TYPE_CHECKING:
    from minikeras.models.model import Model


Array = np.ndarray[Any, Any]
Json = Any

_FREE_SIZE = 16  # in place of a size that is free, where there are no data to tell


class Builder:
    """Puts together what the page gets.

    Args:
        model: A built model.
        samples: Its data, or None.
        options: Names and limits; see `explore`.
    """

    def __init__(
        self, model: Model, samples: Samples | None, options: dict[str, Any]
    ) -> None:
        self.model, self.samples, self.options = model, samples, options
        self.limits: list[str] = []
        self.structure, self.avals = self._ends()
        self.eagerly = bool(keeping(model))
        with afresh(model):
            self.found = self._staged()
        self.weights = list(model.weights)
        self.program = Program(self.found, self.weights)
        self.inputs = self._inputs()
        numbers = {id(w): i for i, w in enumerate(self.weights)}
        self.layers = Layers(self.found, self.program, self.inputs, numbers)

    def _ends(self) -> tuple[Any, list[Aval]]:
        if self.samples is not None:
            avals = []
            wanted = self._wanted()
            for i, x in enumerate(self.samples.inputs):
                dtype = STRING if x.dtype.kind in "US" else str(x.dtype)
                if dtype == "float64" and i < len(wanted) and wanted[i] != "float64":
                    dtype = wanted[i]  # as `predict` takes it
                    self.samples.inputs[i] = x.astype(dtype)
                avals.append(Aval((1, *x.shape[1:]), dtype))
            return self.samples.structure, avals
        if not getattr(self.model, "inputs", None):
            raise ValueError(
                f"explore: the shapes of {self.model.name!r}'s inputs are not known; give "
                "data, of one sample at least."
            )
        leaves, structure = tree.flatten_spec(self.model.input)
        avals = [
            Aval((1, *(d or _FREE_SIZE for d in t.shape[1:])), t.dtype) for t in leaves
        ]
        return structure, avals

    def _wanted(self) -> list[str]:
        inputs = getattr(self.model, "inputs", None) or []
        return [t.dtype for t in inputs]

    def _staged(self) -> Staged:
        if self.eagerly:
            self.limits.append(
                "Layers of this model keep their states from one call to the next. Here each "
                "sample is a call of its own, which begins with zeros."
            )
        try:
            return staged(self.model, self.avals, self.structure)
        except HostOnlyError as error:
            self.limits.append(
                "This model reads text in a way that the page does not know. What is shown "
                f"was computed before, for the samples that came along. {_first_sentence(error)}"
            )
        except TraceError as error:
            self.limits.append(
                "This model's code looks at values while it runs, so it cannot be run "
                "in the page. What is shown was computed before, for the samples that "
                f"came along. {_first_sentence(error)}"
            )
        if self.samples is None:
            raise ValueError(
                "explore: this model cannot be run in the page, so data are needed to show "
                "what it does; on the command line, --data."
                + see("guides/explorer.md#data")
            )
        return unstaged(self.model, self.samples.taken(np.arange(1)))

    def _inputs(self) -> list[Json]:
        names = list(getattr(self.model, "input_names", ()))
        found = []
        for i, aval in enumerate(self.avals):
            x = None if self.samples is None else self.samples.inputs[i]
            shape = aval.shape[1:]
            layer = self._taker(i)
            kind = (
                "text"
                if aval.dtype == STRING
                else input_kind(shape, aval.dtype, layer, x)
            )
            image = image_info(shape, x) if kind == "image" else None
            name = (
                names[i]
                if i < len(names)
                else ("input" if i == 0 else f"input_{i + 1}")
            )
            low, high = _range(kind, layer, x)
            found.append(
                {
                    "name": name,
                    "layer": i,
                    "shape": list(shape),
                    "dtype": "uint8" if aval.dtype == STRING else aval.dtype,
                    "kind": kind,
                    "image": image,
                    "columns": self._names("feature_names", kind == "table", shape),
                    "tokens": [str(t) for t in self.options["tokens"]]
                    if kind == "tokens"
                    else [],
                    "low": low,
                    "high": high,
                    "view": input_view(kind, shape, image),
                }
            )
        return found

    def _names(self, option: str, wanted: bool, shape: Sequence[int]) -> list[str]:
        names = [str(n) for n in self.options[option]]
        return names if wanted and len(shape) == 1 and len(names) == shape[0] else []

    def _taker(self, number: int) -> Any:
        """The first layer that an input goes to."""
        value = key_of(self.found.inputs[number])
        near = {value}  # and what casts and the like make of it
        for node in self.found.raw.nodes:
            if node.prim.name in ("cast", "reshape") and node.inputs[0] in near:
                near.update(node.outputs)
        for call in self.found.calls:
            if any(key_of(t) in near for t in call.given):
                return call.operation
        return None

    # --- the whole

    def payload(self, recording: Json | None) -> Json:
        """All of it."""
        self._say_missing()
        if self.options["weight_bits"] != 32:
            self.limits.append(
                f"Weights are rounded to {self.options['weight_bits']} bits, to keep the page "
                "small: numbers differ a little from Python's."
            )
        outputs = self._outputs()
        rows = self.layers.rows
        gathered = self._gathered(outputs)
        program = None if self.found.eager else self._program()
        whole_code, is_whole = model_code(self.model)
        trainable = sum(int(w.value.size) for w in self.model.trainable_weights)
        inputs = [{k: v for k, v in i.items() if k != "view"} for i in self.inputs]
        return {
            "format": 1,
            "generator": f"minikeras {__version__}",
            "title": str(self.options["title"] or self.model.name),
            "model": {
                "name": self.model.name,
                "className": type(self.model).__name__,
                "parameters": int(self.model.count_params()),
                "trainable": trainable,
                "flops": sum(r["flops"] for r in rows),
                "code": whole_code,
                "codeIsWhole": is_whole,
            },
            "inputs": inputs,
            "outputs": outputs,
            "layers": rows,
            "edges": self.layers.edges,
            "weights": self._weights(),
            "program": program,
            "limits": self.limits,
            "classNames": self._class_names(outputs),
            "data": None,
            "evaluation": None,
            "regression": None,
            "top": [],
            "statistics": [None] * len(rows),
            "precomputed": [],
            "recording": recording,
            **gathered,
        }

    def _program(self) -> Json:
        """The program; tokens, which have no gradient, get that of their vectors."""
        rows = self.layers.rows
        program = self.program.json(len(rows))
        gradient = program["gradient"]
        for i, given in enumerate(self.inputs if gradient else ()):
            if given["kind"] not in ("tokens", "text") or gradient["inputs"][i] >= 0:
                continue
            for n, row in enumerate(rows):
                if row["kind"] == "embedding" and self._is_of(row, i):
                    gradient["inputs"][i] = gradient["layers"][n]
        return program

    def _is_of(self, row: Json, number: int) -> bool:
        """Whether a layer takes an input, or the tokens of a text that is one."""
        rows = self.layers.rows
        sources = [a["layer"] for a in row["arguments"] if a["layer"] >= 0]
        read = [
            a["layer"]
            for source in sources
            if rows[source]["kind"] == "text"
            for a in rows[source]["arguments"]
        ]
        return number in (*sources, *read)

    def _gathered(self, outputs: list[Json]) -> Json:
        """What comes of the data; nothing without any."""
        if self.samples is None:
            return {}
        reason = (
            self.limits[-1] if self.limits else "The page does not know this layer."
        )
        with afresh(self.model):
            gathered = Gathered(
                self.model, self.samples, self.layers, self.avals, outputs,
                int(self.options["max_samples"]), self.eagerly,
            )  # fmt: skip
            return gathered.payload(reason)

    def _say_missing(self) -> None:
        if self.program.missing:
            names = ", ".join(sorted(self.program.missing))
            self.limits.append(
                f"The page does not know how to compute {names}; layers behind it show "
                "values that were computed before, for the samples that came along."
            )

    def _packed(self, value: Array) -> Json:
        """A weight, in as many bits as the page is to have."""
        bits = self.options["weight_bits"]
        if bits == 32 or value.dtype.kind != "f" or not np.isfinite(value).all():
            return pack(value)
        if bits == 8:
            return pack_bytes(value.astype("float32"))
        with np.errstate(over="ignore"):
            half = value.astype("float16")
        return pack(half) if np.isfinite(half).all() else pack(value)

    def _outputs(self) -> list[Json]:
        names = list(getattr(self.model, "output_names", ()))
        found = []
        for i, place in enumerate(self.layers.outputs):
            shape = self.layers.rows[place[0]]["outputs"][place[1]]["shape"]
            name = names[i] if i < len(names) else f"output_{i + 1}"
            found.append(
                {
                    "name": name,
                    "layer": place[0],
                    "index": place[1],
                    "shape": shape,
                    "kind": self._output_kind(i, shape),
                }
            )
        return found

    def _output_kind(self, place: int, shape: list[int]) -> str:
        name = self.found.ends[place]
        if name == "softmax":
            return "probabilities"
        if name == "logistic":
            return "independent"
        labels = None if self.samples is None else self.samples.labels
        if place == 0 and len(shape) == 1 and shape[0] > 1:
            loss = getattr(self.model, "loss", None)
            crossed = "crossentropy" in str(getattr(loss, "name", loss)).lower()
            if crossed and evaluation.classes_of(labels, shape[0]) is not None:
                return "logits"
        return "values"

    def _class_names(self, outputs: list[Json]) -> list[str]:
        if not outputs:
            return []
        width = outputs[0]["shape"][-1] if outputs[0]["shape"] else 0
        kind = outputs[0]["kind"]
        given = [str(n) for n in self.options["class_names"]]
        if not given and self.samples is not None:
            given = [str(n) for n in self.samples.class_names]
        count = 2 if kind == "independent" and width == 1 else width
        if kind == "values" or not outputs[0]["shape"]:
            return []
        if len(outputs[0]["shape"]) > 1:  # classes at each place
            return given if len(given) == count else []
        return given if len(given) == count else [str(i) for i in range(count)]

    def _weights(self) -> list[Json]:
        first: dict[int, tuple[int, str]] = {}
        for i, row in enumerate(self.layers.rows):
            for weight in row["weights"]:
                first.setdefault(weight["weight"], (i, weight["role"]))
        return [
            {
                "name": w.path,
                "layer": first.get(i, (0, w.name))[0],
                "role": first.get(i, (0, w.name))[1],
                "trainable": bool(w.trainable),
                "shape": list(w.shape),
                "values": self._packed(np.asarray(host_array(w.state.array()))),
            }
            for i, w in enumerate(self.weights)
        ]


def _first_sentence(error: Exception) -> str:
    return str(error).split(". ")[0].rstrip(".") + "."


def _range(kind: str, layer: Any, x: Array | None) -> tuple[float, float]:
    if kind == "tokens" and layer is not None and kind_of(layer) == "embedding":
        return 0.0, float(layer.input_dim - 1)
    if x is None or not x.size or x.dtype.kind not in "fiub":
        return 0.0, 1.0
    low, high = number(np.nanmin(x)), number(np.nanmax(x))
    return (0.0, 1.0) if low is None or high is None else (low, high)
