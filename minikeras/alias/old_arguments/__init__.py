"""Arguments of Keras 1 and 2, taken by our classes while the alias is installed.

Each wrapper looks only at names that today's signature does not have, so nothing that
means something today changes. What was translated is said once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikeras import callbacks, layers, losses, regularizers
from minikeras.alias.old_arguments import of_callbacks as old
from minikeras.alias.old_arguments import of_models
from minikeras.alias.old_arguments.of_layers import of_layer
from minikeras.alias.old_arguments.passing import passed_on
from minikeras.layers import Layer
from minikeras.models import Model
from minikeras.models.functional import Functional


def given() -> Iterable[tuple[type, str, Any]]:
    """What is lent: owner, name, wrapper."""
    for name in layers.__all__:
        cls = getattr(layers, name)
        if isinstance(cls, type) and issubclass(cls, Layer):
            if "__init__" in vars(cls) and cls is not Layer:
                yield cls, "__init__", of_layer(cls, vars(cls)["__init__"])
    for one in (Model, Functional):
        yield one, "__init__", passed_on(vars(one)["__init__"], of_models.ends)
    yield Model, "__new__", of_models.new_model(vars(Model)["__new__"].__func__)
    owner = next(cls for cls in Model.__mro__ if "compile" in vars(cls))
    yield owner, "compile", passed_on(vars(owner)["compile"], of_models.compiled)
    keep = callbacks.ModelCheckpoint
    yield keep, "__init__", passed_on(vars(keep)["__init__"], old.checkpoint)
    yield keep, "_check_ending", old.any_ending
    yield keep, "_path", old.named_by_logs(vars(keep)["_path"])
    watch = next(cls for cls in keep.__mro__ if "monitor_value" in vars(cls))
    yield watch, "monitor_value", old.monitored(vars(watch)["monitor_value"])
    history = callbacks.History
    begin = old.with_old_names(vars(history)["on_train_begin"])
    yield history, "on_train_begin", begin
    yield keep, "on_epoch_end", old.every_period(vars(keep)["on_epoch_end"])
    for penalty in (regularizers.L1, regularizers.L2):
        change = old.factor(penalty.__name__.lower())
        yield penalty, "__init__", passed_on(vars(penalty)["__init__"], change)
    board = callbacks.TensorBoard
    dead = ("write_grads", "batch_size", "embeddings_layer_names", "embeddings_data")
    drop = old.without("TensorBoard", *dead)
    yield board, "__init__", passed_on(vars(board)["__init__"], drop)
    yield (
        losses.Loss,
        "__init__",
        passed_on(vars(losses.Loss)["__init__"], old.reduction),
    )
