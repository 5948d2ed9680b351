"""Before the first step: everything is built and checked, so that nothing fails halfway."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import standardize
from minikeras.engine.graph import Value
from minikeras.engine.interpret import within
from minikeras.engine.staging import Abstract
from minikeras.engine.tensor import Tensor, TraceError, from_numpy
from minikeras.training.compiling import CompileState
from minikeras.training.data import Batch, check_no_nan, named_leaves
from minikeras.training.data.leaves import Array


def to_tensors(structure: Any) -> Any:
    """Host arrays as Tensors with memory of their own; other leaves stay."""
    return tree.map_structure(
        lambda leaf: from_numpy(leaf) if isinstance(leaf, np.ndarray) else leaf,
        structure,
    )


def predict_abstractly(model: Any, x: Any) -> Any:
    """What the model gives for inputs of these shapes, with nothing computed.

    Builds the model if need be. Shape errors come out here, before any change.
    """

    def abstract(leaf: Any) -> Any:
        if not isinstance(leaf, (np.ndarray, Tensor)):
            return leaf
        aval = Aval(tuple(leaf.shape), standardize(leaf.dtype))
        return Tensor(Value(aval), aval)

    try:
        inputs = tree.map_structure(abstract, x)
        return within(Abstract(), model, inputs, training=False)
    except TraceError:  # Python control flow on values: it has to be run
        return model(to_tensors(x), training=False)


def prepare(model: Any, state: CompileState, batch: Batch, training: bool) -> None:
    """Build model, losses, metrics and optimizer for the shapes of `batch`.

    Raises:
        ValueError: If shapes, targets or metrics do not fit the model.
    """
    x, y, _ = batch
    y_pred = predict_abstractly(model, x)
    if state.loss is not None and not state.loss.built:
        state.loss.build(y_pred)
    if state.metrics is not None and not state.metrics.built:
        state.metrics.build(y, y_pred)
    if training and state.loss is None and not model.losses:
        raise ValueError(
            f"model {model.name!r}: there is no loss to minimise; expected "
            "compile(loss=...), or layers that call add_loss or have regularizers."
        )
    state.predictions = y_pred
    if state.loss is not None:
        shapes = [leaf.shape for leaf in tree.flatten(y_pred)]
        state.sparse = state.loss.sparse_outputs(shapes)
    if training and model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    state.ready = True


def check_values(state: CompileState, batch: Batch) -> None:
    """No NaN anywhere, and class numbers in range; one pass over the values.

    Raises:
        ValueError: If a value is not fit for training.
    """
    x, y, weight = batch
    for name, part in (("x", x), ("y", y), ("sample_weight", weight)):
        if part is not None:
            for where, array in named_leaves(part, name):
                check_no_nan(array, where)
    if state.sparse and state.loss is not None and y is not None:
        truths = state.loss.targets(y, state.predictions)
        for output, classes, ignored in state.sparse:
            if truths[output] is not None:
                _check_labels(
                    truths[output], classes, ignored, state.loss.names[output]
                )


def _check_labels(
    labels: Array, classes: int, ignored: Any, output: str | None
) -> None:
    if not labels.size:
        return
    low, high = labels.min(), labels.max()
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
