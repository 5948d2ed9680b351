"""Before the first step: everything is built and checked, so that nothing fails halfway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import STRING, standardize
from minikeras.engine.errors import see
from minikeras.engine.graph import Value
from minikeras.engine.interpret import within
from minikeras.engine.staging import Abstract
from minikeras.engine.strings import is_strings
from minikeras.engine.tensor import Tensor, TraceError, from_numpy
from minikeras.training.compiling import CompileState, Compiling
from minikeras.training.data import Batch
from minikeras.training.data.leaves import Array

if TYPE_CHECKING:
    from minikeras.models.model import Model
    from minikeras.types import ArrayLike, Nested


def to_tensors(structure: object) -> Any:
    """Host arrays as Tensors with memory of their own; strings and other leaves stay."""

    def tensor(leaf: object) -> Any:
        if not isinstance(leaf, np.ndarray) or is_strings(leaf):
            return leaf
        return from_numpy(leaf)

    return tree.map_structure(tensor, structure)


def predict_abstractly(
    model: Model, x: Nested[ArrayLike], training: bool = False
) -> tuple[Any, bool]:
    """What the model gives for inputs of these shapes, with nothing computed.

    Builds the model if need be. Shape errors come out here, before any change.

    Returns:
        The outputs, and whether the layers have added losses or may do so.
    """

    def abstract(leaf: object) -> Any:
        if not isinstance(leaf, (np.ndarray, Tensor)):
            return leaf
        dtype = STRING if is_strings(leaf) else standardize(leaf.dtype)
        aval = Aval(tuple(leaf.shape), dtype)
        return Tensor(Value(aval), aval)

    try:
        # Layers of text have no abstract run: they give the arrays whose shapes the
        # rest is asked for.
        x = model._before_step(x, training)
        inputs = tree.map_structure(abstract, x)

        def forward() -> tuple[Any, bool]:
            outputs = model(inputs, training=training)
            return outputs, bool(model.losses)

        return within(Abstract(), forward)
    except TraceError:  # Python control flow on values: it has to be run
        return model(to_tensors(x), training=False), True
    # What `add_loss` noted is abstract, and must not reach the first real loss.
    finally:
        model._clear_losses()


def prepare(model: Any, state: CompileState, batch: Batch, training: bool) -> None:
    """Build model, losses, metrics and optimizer for the shapes of `batch`.

    Raises:
        ValueError: If shapes, targets or metrics do not fit the model.
    """
    x, y, _ = batch
    y_pred, added = predict_abstractly(model, x, training)
    own = _computes_its_own_loss(model)
    if state.loss is not None and not state.loss.built:
        try:
            state.loss.build(y_pred)
        except ValueError:
            if not own:  # which may hand it something else, or nothing
                raise
    if state.metrics is not None and not state.metrics.built:
        state.metrics.build(y, y_pred)
    if training and not (added or state.has_loss or _computes_its_own_loss(model)):
        raise ValueError(
            f"model {model.name!r}: there is no loss to minimise; expected "
            "compile(loss=...), a call of add_loss, a regularizer, or a compute_loss() of "
            "the model's own." + see("faq.md#which-loss")
        )
    state.predictions = y_pred
    if state.loss is not None and state.loss.built and not own:
        state.sparse = state.loss.sparse_outputs(y, y_pred)
    if training and model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    state.ready = True


def _computes_its_own_loss(model: Model) -> bool:
    return type(model).compute_loss is not Compiling.compute_loss


def check_values(state: CompileState, batch: Batch) -> None:
    """Class numbers in range.

    Raises:
        ValueError: If one is not.
    """
    _, y, _ = batch
    if state.sparse and state.loss is not None and y is not None:
        truths = state.loss.targets(y)
        for part, classes, ignored in state.sparse:
            if truths[part] is not None:
                label = state.loss.parts[part].place.label
                _check_labels(truths[part], classes, ignored, label)


def _check_labels(
    labels: Array, classes: int, ignored: object, output: str | None
) -> None:
    if not labels.size:
        return
    low, high = labels.min(), labels.max()
    # Two passes without an array for nearly all data; the mask is made only to name the
    # place.
    if low >= 0 and high < classes:
        return
    bad = (labels < 0) | (labels >= classes)
    if ignored is not None:
        bad &= labels != ignored
    if not bad.any():
        return
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    where = "" if output is None else f" of output {output!r}"
    raise ValueError(
        f"y{where} holds class number {labels[first].item()} at index {first}; expected 0 to "
        f"{classes - 1}, since the output has {classes} classes. Renumber the labels from 0, "
        f"or give the last layer {int(high) + 1} units."
    )
