"""TerminateOnNaN: stop where the loss is not finite, and say where that began."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from minikeras import tree
from minikeras.callbacks.callback import Callback, Logs
from minikeras.console import say
from minikeras.engine.finite import Finding, watch
from minikeras.engine.tensor import from_numpy

# What a batch's parts are called in the file.
_PARTS = ("x", "y", "sample_weight")


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    With `debug` it also says why: the batch is run again, one op at a time and from the
    weights it met, and the first layer and op that gave NaN or infinity are named. The
    batch is saved as an `.npz` file with arrays `x`, `y` and `sample_weight` (`x.a` or
    `x.0` for inputs in a dict or list). To be able to, weights and batch are copied
    before each step.

    Args:
        raise_error: Whether to raise an error instead of stopping.
        debug: Whether to look for the cause; a path says where to save the batch.
            Default of the path: `nan_batch_<number>.npz` in the current folder.

    Attributes:
        findings: With `debug`, what was found: the first infinity, the first NaN, or
            both, in the order in which they came; where they came with the data or the
            weights, the first op that met them.

    Raises:
        RuntimeError: With `raise_error`, when the loss is not finite.

    Example:
        >>> guard = keras.callbacks.TerminateOnNaN(raise_error=True)
        >>> guard.on_train_batch_end(7, {"loss": float("inf")})
        Traceback (most recent call last):
            ...
        RuntimeError: The loss of batch 7 is inf; training stops.
    """

    def __init__(
        self, raise_error: bool = False, debug: bool | str | os.PathLike[str] = False
    ) -> None:
        super().__init__()
        self.raise_error = raise_error
        self.debug = debug
        self.findings: tuple[Finding, ...] = ()
        self._sees_batches = bool(debug)
        # Batches since the last look (`steps_per_execution` of them) and the values of
        # all variables before them; and those of the look before, since weights that
        # an update breaks show only in the loss of the next batch.
        self._batches: list[tuple[int, Any]] = []
        self._values: list[Any] = []
        self._before: tuple[list[Any], list[tuple[int, Any]]] = [], []

    def _see_batch(self, step: int, data: object) -> None:
        """Keep what the step gets next, and the values that it will meet."""
        if not self._batches:
            self._values = [v.value for v in self._variables()]
        # The memory of a batch may be used again for the one after the next.
        self._batches.append((step, tree.map_structure(_kept, data)))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            self._before = self._values, self._batches
            self._values, self._batches = [], []
            return
        text = f"The loss of batch {batch} is {loss}; training stops."
        if self._batches:
            text += f" {self._cause()}"
        if self.raise_error:
            raise RuntimeError(text)
        say(text)
        self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Let go of the copies."""
        self._forget()

    def _on_train_broken(self) -> None:
        self._forget()

    def _remembered(self) -> dict[str, Any]:
        return {}

    def _forget(self) -> None:
        self._values, self._batches, self._before = [], [], ([], [])

    def _variables(self) -> list[Any]:
        model = self.model
        optimizer = getattr(model, "optimizer", None)
        found = list(model.variables)
        found += [] if optimizer is None else list(optimizer.variables)
        found += [v for m in model.metrics for v in m.variables]
        return list({id(v): v for v in found}.values())

    def _cause(self) -> str:
        """Run the batches again from where they began; what came of it, in words."""
        variables = self._variables()
        after = [v.value for v in variables]
        values, batches = self._before
        if len(values) != len(variables):  # none, or before slots were made
            values, batches = self._values, []
        batches = batches + self._batches
        met = batches[-1]
        broken = [
            v.path for v, a in zip(variables, values) if not np.isfinite(_host(a)).all()
        ]
        try:
            for variable, value in zip(variables, values):
                variable.assign(value)
            for met in batches:
                data = tree.map_structure(_tensor, met[1])
                self.findings = watch(self.model.train_step, data)
                if any(f.value == "NaN" for f in self.findings):
                    break
        finally:
            for variable, value in zip(variables, after):
                variable.assign(value)
            self._forget()
        step, batch = met
        found = "; ".join(map(str, self.findings)) or "run again, all is finite"
        if broken:
            found += f". Not finite before it: {', '.join(broken[:3])}"
        return f"In batch {step}: {found}.{_in_data(batch)} {self._save(step, batch)}"

    def _save(self, step: int, batch: object) -> str:
        path = f"nan_batch_{step}.npz" if self.debug is True else os.fspath(self.debug)  # type: ignore[arg-type]  # True is handled before
        np.savez(path, **_named(batch))
        saved = path if path.endswith(".npz") else path + ".npz"  # as NumPy does
        return f"The batch is in {saved!r}."


def _kept(value: object) -> np.ndarray[Any, Any] | None:
    return value if value is None else np.array(value)


def _host(value: object) -> np.ndarray[Any, Any]:
    array = np.asarray(value)
    return array if array.dtype.kind in "biu" else array.astype(np.float32)


def _tensor(value: object) -> Any:
    return from_numpy(value) if isinstance(value, np.ndarray) else value


def _named(batch: object) -> dict[str, Any]:
    """The arrays of a batch by name."""
    named = {}
    parts = batch if isinstance(batch, tuple) else (batch,)
    for name, part in zip(_PARTS, parts):
        for path, leaf in tree.flatten_with_path(part):
            if leaf is not None:
                named[".".join([name, *map(str, path)])] = np.asarray(leaf)
    return named


def _in_data(batch: object) -> str:
    bad = [
        name
        for name, array in _named(batch).items()
        if array.dtype.kind == "f" and not np.isfinite(array).all()
    ]
    return f" The data hold NaN or infinity already: {', '.join(bad)}." if bad else ""
