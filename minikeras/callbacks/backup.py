"""The whole state of a training run in one file, from which it goes on to the bit.

A run is determined by the values of variables (weights, optimizer, metrics, seed
generators), the global random generators, the epoch and batch, the place in the data,
what the callbacks remember, and the history. All of it is taken at one moment between
two batches, written as one HDF5 file, and put back by `restore`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import naming
from minikeras.callbacks.random_state import RandomState
from minikeras.callbacks.remembered import Arrays, remember, take_back
from minikeras.engine.warn import warn_user
from minikeras.layers import Layer
from minikeras.saving import hdf5, limits
from minikeras.saving.atomic import replaced_file
from minikeras.saving.limits import FileError
from minikeras.saving.state import Held, load_state, save_state
from minikeras.saving.tree import Entry, Group, Tree
from minikeras.saving.walk import walk

if TYPE_CHECKING:
    from minikeras.models.model import Model
    from minikeras.optimizers.optimizer import Optimizer

_RUN = "run"  # the group for all that are no weights; Keras does not look there
_FORM = 2
_MOST = 10**6  # epochs, and batches of one, that a backup may say are done


@dataclass
class Run:
    """What a trainer tells of itself, so that it can be kept.

    Attributes:
        model: The model.
        feed: Where its batches come from, or None.
        callbacks: All callbacks, in order.
        epoch: The epoch that runs, or is to run next.
        batch: How many of its batches are done.
        logs: The results after the last of them.
        stopped: Whether a callback had stopped the run that is taken up again.
    """

    model: Any
    feed: Any = None
    callbacks: list[Any] = field(default_factory=list)
    epoch: int = 0
    batch: int = 0
    logs: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False


def save(run: Run, path: Path) -> None:
    """Write the state of a run to a file, which is replaced as a whole."""
    arrays = Arrays()
    model = run.model
    state = {
        "form": _FORM,
        "epoch": run.epoch,
        "batch": run.batch,
        "logs": remember(run.logs, arrays),
        "stop": bool(model.stop_training),
        "optimizers": {
            path: _places(model, optimizer)
            for path, optimizer in _own_optimizers(model)
            if optimizer.built
        },
        "random": remember(RandomState.now().plain(), arrays),
        "metrics": remember([v.numpy() for v in _metrics(model)], arrays),
        "kept": remember([v.numpy() for v in _kept_otherwise(model)], arrays),
        "feed": None if run.feed is None else remember(run.feed.place(), arrays),
        "callbacks": [
            [type(c).__name__, remember(c._remembered(), arrays)] for c in run.callbacks
        ],
    }
    tree: Tree = save_state(model)
    text = np.frombuffer(json.dumps(state).encode(), "uint8")
    tree[_RUN] = Group({"state": Entry.of(text)})
    tree[f"{_RUN}/arrays"] = Group(
        {str(i): Entry.of(array) for i, array in enumerate(arrays.found)}
    )
    with replaced_file(path) as part:
        hdf5.write_tree(tree, part)


def restore(run: Run, path: Path, begin_epoch: Callable[[int], None]) -> None:
    """Put the state in a file back; `run` then says the epoch and batch to go on with.

    Args:
        run: The run that begins.
        path: The file.
        begin_epoch: Called with the epoch if the run goes on inside of one. What it
            changes is changed back: it was called in the run that was broken off, too.

    Raises:
        ValueError: If the file is damaged, or belongs to another model or run. Then
            nothing has changed.
    """
    label = f"the backup {str(path)!r}"
    before = _Held(run)
    try:
        _restore(run, path, begin_epoch, label)
    except ValueError as error:
        before.put_back()
        if label in str(error):
            raise
        raise FileError(f"{label} is damaged: {str(error)[:200]}") from error
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        before.put_back()
        what = f"{type(error).__name__}: {str(error)[:200]}"
        raise FileError(f"{label} is damaged: {what}") from error


class _Held:
    """What a backup changes, to go back to if it turns out to be of no use."""

    def __init__(self, run: Run) -> None:
        self.model = Held(run.model)
        self.callbacks = [(c, dict(vars(c))) for c in run.callbacks]
        self.random = RandomState.now()

    def put_back(self) -> None:
        self.model.restore()
        for callback, own in self.callbacks:
            vars(callback).clear()
            vars(callback).update(own)
        self.random.put_back()


def _restore(
    run: Run, path: Path, begin_epoch: Callable[[int], None], label: str
) -> None:
    with hdf5.opened(path, label) as file:
        tree = hdf5.read_tree(file)
        if _RUN not in tree or "state" not in tree[_RUN]:
            raise FileError(f"{label} has no state of a run.")
        state = limits.parse_json(tree[_RUN]["state"].tobytes(), label)
        kept = tree.get(f"{_RUN}/arrays", Group())
        arrays = Arrays([kept[str(i)] for i in range(len(kept))])
        _check(run, state, label)
        metrics = take_back(state["metrics"], arrays)
        made = [v.numpy() for v in _metrics(run.model)]
        if not state["batch"] and len(made) < len(metrics):
            # Some make variables at the first batch; an epoch begins them all anew.
            metrics = made
        _check_metrics(run, metrics, label)
        if state["batch"]:
            begin_epoch(state["epoch"])
        _build_optimizers(run.model, state.get("optimizers", {}), label)
        load_state(run.model, tree, label=label)
    exact = zip(
        _kept_otherwise(run.model), take_back(state["kept"], arrays), strict=True
    )
    counts = zip(_metrics(run.model), metrics, strict=True)
    for variable, value in (*exact, *counts):
        variable.assign(value)
    run.model.stop_training = state["stop"]
    for callback, own in _paired(run.callbacks, state["callbacks"]):
        callback._take_back(take_back(own, arrays))
    if run.feed is not None and state["feed"] is not None:
        run.feed.skip_epochs(state["epoch"])
        run.feed.go_to(take_back(state["feed"], arrays), state["batch"])
    RandomState.of(take_back(state["random"], arrays)).put_back()
    run.logs = take_back(state["logs"], arrays)
    run.epoch, run.batch, run.stopped = state["epoch"], state["batch"], state["stop"]


def _check(run: Run, state: object, label: str) -> None:
    """Refuse the state of another run."""
    if not isinstance(state, dict) or state.get("form") != _FORM:
        raise FileError(f"{label} was written by another version of this package.")
    for name in ("epoch", "batch"):
        count = state[name]
        if type(count) is not int or not 0 <= count <= _MOST:
            raise FileError(f"{label} is damaged: {name}={naming.shown(count)}.")
    if type(state["stop"]) is not bool:
        raise FileError(f"{label} is damaged: stop={naming.shown(state['stop'])}.")


def _paired(callbacks: list[Any], states: list[Any]) -> list[tuple[Any, Any]]:
    """Each callback with what one of its class remembered in its place.

    A run may go on with other callbacks, such as without the one that broke it off; new
    ones begin anew. Of a class of which there are now more or fewer, nobody can say who is
    who.
    """
    before: dict[str, list[Any]] = {}
    for name, own in states:
        before.setdefault(name, []).append(own)
    now: dict[str, list[Any]] = {}
    for callback in callbacks:
        now.setdefault(type(callback).__name__, []).append(callback)
    pairs = []
    for name, those in now.items():
        if len(before.get(name, ())) == len(those):
            pairs += list(zip(those, before[name], strict=True))
        elif before.get(name) and any(map(_says_something, before[name])):
            warn_user(
                f"BackupAndRestore: the run that broke off had {len(before[name])} callbacks "
                f"{name}, this one has {len(those)}; they begin anew."
            )
    return pairs


def _says_something(state: object) -> bool:
    return state not in (None, {"dict": []})


def _check_metrics(run: Run, values: list[Any], label: str) -> None:
    own = [v.shape for v in _metrics(run.model)]
    if own != [np.shape(v) for v in values]:
        raise ValueError(
            f"{label} is of a model that was compiled with other metrics. Run the same "
            "script again, or delete the backup."
        )


def _own_optimizers(model: Model) -> list[tuple[str, Any]]:
    """Optimizers that a model has of its own, as for a step with two of them."""
    return [
        (path, part) for path, part in walk(model) if hasattr(part, "apply_gradients")
    ]


def _places(model: Model, optimizer: Optimizer) -> list[int]:
    """Which of the model's variables an optimizer trains."""
    places = {id(v): i for i, v in enumerate(model.variables)}
    trained = optimizer._trainable_variables
    return [places[id(v)] for v in trained] if {*map(id, trained)} <= {*places} else []


def _build_optimizers(model: Model, trained: dict[str, list[int]], label: str) -> None:
    """Make the state of optimizers that would make it at their first step."""
    for path, optimizer in _own_optimizers(model):
        places, own = trained.get(path), model.variables
        if optimizer.built or not places:
            continue
        if max(places) >= len(own):
            raise ValueError(
                f"{label} is of a model with more variables. Run the same script again, or "
                "delete the backup."
            )
        optimizer.build([own[i] for i in places])


def _kept_otherwise(model: Model) -> list[Any]:
    """Variables of layers whose files hold something else, such as a folded correction."""
    parts = [part for _, part in walk(model) if isinstance(part, Layer)]
    own = [
        p for p in parts if type(p).save_own_variables is not Layer.save_own_variables
    ]
    return [v for part in own for v in part.variables]


def _metrics(model: Model) -> list[Any]:
    return [v for metric in getattr(model, "metrics", ()) for v in metric.variables]
