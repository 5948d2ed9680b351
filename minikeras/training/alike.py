"""Ranks begin alike: the same random state, model, data and values, or an error."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.callbacks.random_state import RandomState
from minikeras.engine import ranks
from minikeras.engine.agreement import agree
from minikeras.engine.warn import warn_user
from minikeras.training.data import DataAdapter, named_leaves

if TYPE_CHECKING:
    from minikeras.models.model import Model


def share_random_state() -> None:
    """Let all ranks go on with the random numbers of rank 0."""
    comm = ranks.communicator()
    RandomState.of(comm.broadcast(RandomState.now().plain())).put_back()


def begin(owner: str, adapter: DataAdapter, **options: object) -> None:
    """Compare what a run was asked for, and share the random state.

    Raises:
        RanksDifferError: If ranks were given different data or options.
    """
    facts: dict[str, Any] = {name.replace("_", " "): v for name, v in options.items()}
    if ranks.divides() and not adapter.divided:
        facts["number of samples"] = adapter.num_samples
    facts["number of batches"] = adapter.num_batches
    parts = getattr(adapter, "parts", (None, None, None))
    for part, name in zip(parts, ("x", "y", "sample_weight")):
        for where, leaf in named_leaves(part, name):
            facts[f"shape and dtype of {where}"] = (*leaf.shape[1:], str(leaf.dtype))
    agree(owner, facts)
    share_random_state()


def share_values(owner: str, model: Any) -> None:
    """Compare the model's variables, and give all ranks the values of rank 0.

    Raises:
        RanksDifferError: If ranks have different models or optimizers.
    """
    variables = _variables(model)
    agree(
        owner,
        {
            "number of variables": len(variables),
            **{
                f"variable {i}": (v.path, v.shape, v.dtype)
                for i, v in enumerate(variables)
            },
        },
    )
    comm = ranks.communicator()
    values = [v.numpy() for v in variables]
    # Digests first: where all are alike, as after a load from one file, no weight is
    # sent.
    if len(set(comm.gather(digest(values)))) == 1:
        return
    for variable, value in zip(variables, comm.broadcast(values)):
        variable.assign(value)


def check_values_alike(owner: str, model: Any) -> None:
    """Raise if ranks have come to have different weights, which they never should.

    Variables that are not trained and that a layer changes by its own rows differ. Those
    of rank 0, which are what is saved, are taken, with a warning that names the first.

    Raises:
        RanksDifferError: If weights that are trained differ.
    """
    comm = ranks.communicator()
    variables = _variables(model)
    values = [v.numpy() for v in variables]
    own = [digest([value]) for value in values]
    everyone = comm.gather(own)
    odd = [i for i in range(len(own)) if len({found[i] for found in everyone}) > 1]
    if not odd:
        return
    # What gradients change is computed from the same numbers everywhere: a difference
    # there is a fault. Others, such as statistics over a rank's rows, may differ and
    # are evened out.
    trained = {id(v) for v in model.trainable_variables}
    if model.optimizer is not None:
        trained |= {id(v) for v in model.optimizer.variables}
    bad = next((i for i in odd if id(variables[i]) in trained), None)
    if bad is not None:
        agree(owner, {f"the values of {variables[bad].path!r}": own[bad]})
    for i in odd:
        variables[i].assign(comm.broadcast(values[i]))
    if comm.rank == 0:
        warn_user(
            f"{owner}: the ranks have different values of {variables[odd[0]].path!r}, as it "
            "changes by the rows of each; those of rank 0 are taken."
        )


def digest(values: list[np.ndarray[Any, Any]]) -> str:
    """A short text that is another if any bit is."""
    state = hashlib.blake2b(digest_size=16)
    for value in values:
        state.update(np.ascontiguousarray(value).tobytes())
    return state.hexdigest()


def _variables(model: Model) -> list[Any]:
    optimizer = model.optimizer
    found = [*model.variables, *[v for m in model.metrics for v in m.variables]]
    found += [] if optimizer is None else optimizer.variables
    # By identity: metrics and the model may share variables.
    return list({id(v): v for v in found}.values())
