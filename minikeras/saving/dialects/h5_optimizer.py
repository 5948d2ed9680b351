"""The optimizer's state in an old HDF5 model file.

Keras 3 and 2.11 to 2.16 stored what belongs to one variable side by side; until 2.10 all
first slots came, then all second ones. What cannot be told apart is left out with a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.warn import warn_user
from minikeras.saving import hdf5
from minikeras.saving.dialects import keras2_slots, slot_order
from minikeras.saving.dialects.h5_layers import entry_at, leaf, texts, write_variables
from minikeras.saving.dialects.version import Version, parse
from minikeras.saving.limits import FileError

if TYPE_CHECKING:
    import h5py

    from minikeras.models.model import Model
    from minikeras.optimizers.optimizer import Optimizer


GROUP = "optimizer_weights"
Array = np.ndarray[Any, Any]
_COUNTERS = ("iteration", "iterations", "iter", "learning_rate")


def load_optimizer(
    model: Model,
    file: h5py.File,
    version: str | None,
    names: dict[int, str],
    label: str,
) -> None:
    """Give the model's optimizer the state that the file holds, if it holds one.

    Args:
        model: A compiled model with variables.
        file: An open HDF5 file.
        version: The Keras that wrote it; None for Keras 1.
        names: What the file calls each variable, by its `id`.
        label: What to call the file in warnings.
    """
    optimizer = model.optimizer
    if optimizer is None or GROUP not in file:
        return
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    stored = texts(file[GROUP], "weight_names")
    if not stored:
        return
    tree = hdf5.read_tree(file[GROUP])
    ready, reason = None, "its arrays do not fit this optimizer's"
    try:
        entries = [(name, entry_at(tree, name, label)) for name in stored]
    except FileError as error:  # lists what it has not got
        reason = str(error)
    else:
        found = [(name, entry.read()) for name, entry in entries]
        ready = _ready(model, found, names, parse(version) or (1, 2))
    if ready is None:
        warn_user(
            f"{label}: the optimizer's state was left out, since {reason}; training goes on "
            "with a fresh one."
        )
        return
    for variable, array in ready:
        variable.assign(array)


def _ready(
    model: Model,
    found: list[tuple[str, Array]],
    names: dict[int, str],
    version: Version,
) -> list[tuple[Any, Array]] | None:
    """Each variable of the optimizer with its array, or None if they do not fit."""
    trained = list(model.trainable_variables)
    if version >= (3, 0):
        arrays = [array for _, array in found]
        order = slot_order.todays_order(
            model.optimizer, [a.shape for a in arrays], version
        )
        arrays = arrays if order is None else [arrays[i] for i in order]
        optimizer = model.optimizer
        listed = [optimizer.stored_variables, optimizer.variables]
        return _fitting(listed[len(arrays) == len(listed[1])], arrays)
    place = {key: number for number, key in enumerate(names)}
    every = range(len(trained))
    by_name = sorted(every, key=lambda i: names.get(id(trained[i]), ""))
    as_stored = sorted(every, key=lambda i: place.get(id(trained[i]), len(place)))
    orders = [as_stored, by_name]
    if version < (2, 1):  # until 2.0 they were sorted by their names
        orders.reverse()
    for order in orders:
        pairs = _arranged(model.optimizer, found, trained, order, version)
        if pairs is not None:
            return pairs
    return None


def _arranged(
    optimizer: Optimizer,
    found: list[tuple[str, Array]],
    trained: list[Any],
    order: list[int],
    version: Version,
) -> list[tuple[Any, Array]] | None:
    """The same, where the file has the trained variables in this order."""
    shapes = [tuple(trained[i].shape) for i in order]
    steps, slots = _slots_of_file(found, shapes, version)
    variables = keras2_slots.stored(optimizer)
    ours = [v for v in variables if leaf(v.path) not in _COUNTERS and tuple(v.shape)]
    each = len(ours) // len(trained) if trained else 0
    if each and len(found) <= 1:  # compiled, and never trained
        return []
    place = {index: number for number, index in enumerate(order)}
    if version >= (2, 11):
        named = _by_names(found, place)
        pairs = None if named is None else _fitting(ours, named)
        if pairs is not None:
            return _with_steps(pairs, steps, optimizer)
    if len(ours) != each * len(trained) or len(slots) < each:
        return None
    wanted = [slots[s][place[i]] for i in range(len(trained)) for s in range(each)]
    return _with_steps(_fitting(ours, wanted), steps, optimizer)


def _with_steps(
    pairs: list[tuple[Any, Array]] | None, steps: Any, optimizer: Optimizer
) -> list[tuple[Any, Array]] | None:
    """The same with the step counter, and with what follows from it."""
    variables = optimizer.variables
    counter = next((v for v in variables if leaf(v.path) in _COUNTERS[:3]), None)
    if pairs is None or counter is None or steps is None:
        return pairs
    pairs.append((counter, np.asarray(steps, counter.dtype)))
    product = getattr(optimizer, "_u_product", None)
    if product is not None:
        pairs.append((product, keras2_slots.product_of_decays(optimizer, int(steps))))
    return pairs


def _by_names(
    found: list[tuple[str, Array]], place: dict[int, int]
) -> list[Array] | None:
    """The arrays in the order of our variables, by names such as `Adam/m/dense/kernel:0`.

    Since 2.11 they stand as ours do: averages, what each variable has side by side, and
    the largest velocities last. Only the trained variables may be in another order.
    """
    slots: dict[str, list[Array]] = {}
    pattern, owners = [], []
    for name, array in found:
        parts = name.split("/")
        if len(parts) > 2 and leaf(name) not in _COUNTERS:
            slot = slots.setdefault(parts[1], [])
            pattern.append((parts[1], len(slot)))
            owners.append("/".join(parts[2:]))
            slot.append(array)
    if any(len(slot) != len(place) for slot in slots.values()):
        return _by_owners(slots, pattern, owners, place)
    return [slots[slot][place[i]] for slot, i in pattern]


def _by_owners(
    slots: dict[str, list[Array]],
    pattern: list[tuple[str, int]],
    owners: list[str],
    place: dict[int, int],
) -> list[Array] | None:
    """The same where some variables have fewer slots, as vectors have in Adafactor."""
    averages = slots.get("average", [])
    by_owner: dict[str, list[Array]] = {}
    for (slot, i), owner in zip(pattern, owners):
        if slot != "average":
            by_owner.setdefault(owner, []).append(slots[slot][i])
    if len(by_owner) != len(place) or len(averages) not in (0, len(place)):
        return None
    names = list(by_owner)
    own = [array for i in range(len(place)) for array in by_owner[names[place[i]]]]
    return [averages[place[i]] for i in range(len(averages))] + own


def _fitting(
    variables: list[Any], arrays: list[Array]
) -> list[tuple[Any, Array]] | None:
    if len(variables) != len(arrays):
        return None
    if any(tuple(v.shape) != a.shape for v, a in zip(variables, arrays, strict=True)):
        return None
    return list(zip(variables, arrays, strict=True))


def _slots_of_file(
    found: list[tuple[str, Array]], shapes: list[tuple[int, ...]], version: Version
) -> tuple[Any, list[list[Array]]]:
    """The number of steps, and for each slot an array of each of these shapes."""
    steps = None
    rest: list[tuple[str, Array]] = []
    for place, (name, array) in enumerate(found):
        if array.size == 1 and (
            leaf(name) in _COUNTERS or (place == 0 and not array.ndim)
        ):
            steps = array.reshape(()) if leaf(name) != "learning_rate" else steps
        elif place > 1 or array.ndim or () in shapes:
            rest.append((name, array))  # (Nadam's product of 2.3 to 2.10 is of no use)
    count = len(shapes)
    if not count or len(rest) < count:
        return steps, []
    arrays = [array for _, array in rest]
    if version >= (2, 11) and len(arrays) % count == 0:
        per = len(arrays) // count
        side = [[arrays[i * per + s] for i in range(count)] for s in range(per)]
        if all([a.shape for a in slot] == shapes for slot in side):
            return steps, side
    slots = []
    for start in range(0, len(arrays) - count + 1, count):
        slot = arrays[start : start + count]
        if [a.shape for a in slot] != shapes:
            break
        slots.append(slot)
    return steps, slots


def write_optimizer(file: h5py.File, optimizer: Optimizer) -> None:
    """Write the optimizer's variables, if it has any yet."""
    if optimizer is not None and optimizer.built:
        write_variables(file.create_group(GROUP), optimizer.stored_variables)
