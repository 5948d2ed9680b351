"""One table of losses, their arguments and kinds of input; goldens come from it too."""

import numpy as np

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")

# Loss class, arguments, kind of input.
CASES = [
    ("MeanSquaredError", {}, "real"),
    ("MeanSquaredError", {}, "sequence"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("CosineSimilarity", {}, "real"),
    ("CosineSimilarity", {"axis": 1}, "sequence"),
    ("Huber", {}, "real"),
    ("Huber", {"delta": 0.3}, "real"),
    ("LogCosh", {}, "real"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "binary"),
    ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "onehot"),
    ("KLDivergence", {}, "soft"),
    ("Poisson", {}, "positive"),
    ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary_logits"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "binary"),
    ("BinaryCrossentropy", {"axis": 1}, "binary_sequence"),
    ("BinaryFocalCrossentropy", {}, "binary"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 3.0}, "binary"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "alpha": 0.4}, "binary_logits"),
    ("CategoricalCrossentropy", {}, "onehot"),
    ("CategoricalCrossentropy", {}, "soft"),
    ("CategoricalCrossentropy", {}, "unnormalized"),
    ("CategoricalCrossentropy", {"from_logits": True}, "onehot_logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "onehot"),
    ("CategoricalCrossentropy", {"axis": 1}, "onehot_sequence"),
    ("CategoricalFocalCrossentropy", {}, "onehot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, "onehot_logits"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.5, 0.2], "gamma": 1.0}, "onehot"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "label_logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "labels"),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, "ignored_labels"),
    ("SparseCategoricalCrossentropy", {}, "label_sequence"),
    ("SparseCategoricalCrossentropy", {}, "label_column"),
    ("CategoricalGeneralizedCrossEntropy", {}, "labels"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "labels"),
    ("Dice", {"axis": (1, 2)}, "binary_sequence"),
    ("Dice", {}, "binary_sequence"),
    ("Tversky", {"alpha": 0.3, "beta": 0.9, "axis": (1, 2)}, "binary_sequence"),
    ("Circle", {"gamma": 2.0}, "embeddings"),
    ("Circle", {"gamma": 8.0, "margin": 0.1, "remove_diagonal": False}, "embeddings"),
    ("CTC", {}, "strings"),
]  # fmt: skip


def case_name(case):
    name, kwargs, kind = case
    parts = [f"{k}={v}".replace(" ", "") for k, v in kwargs.items()]
    return "-".join([name, kind, *parts])


BATCH = 5


def inputs(kind):
    """Targets, predictions and weights `(batch,)` of a kind, always the same."""
    rng = np.random.default_rng(7)
    weights = rng.uniform(0.0, 2.0, BATCH).astype("float32")
    y_true, y_pred = _KINDS[kind](rng)
    return y_true, y_pred.astype("float32"), weights


def _normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def _softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def _onehot(rng, *shape):
    return np.eye(shape[-1], dtype="float32")[rng.integers(0, shape[-1], shape[:-1])]


def _binary(rng, *shape):
    return rng.integers(0, 2, shape).astype("float32")


def _ignored(rng):
    labels = rng.integers(0, 3, BATCH)
    labels[[1, 3]] = -1
    return labels, _softmax(_normal(rng, BATCH, 3))


def _embeddings(rng):
    x = _normal(rng, BATCH, 3)
    return np.array([0, 1, 0, 1, 2]), x / np.linalg.norm(x, axis=-1, keepdims=True)


_KINDS = {
    "real": lambda r: (_normal(r, BATCH, 3), _normal(r, BATCH, 3)),
    "sequence": lambda r: (_normal(r, BATCH, 2, 3), _normal(r, BATCH, 2, 3)),
    "positive": lambda r: (
        r.uniform(0.2, 3, (BATCH, 3)),
        r.uniform(0.2, 3, (BATCH, 3)),
    ),
    "signs": lambda r: (2 * _binary(r, BATCH, 3) - 1, _normal(r, BATCH, 3)),
    "binary": lambda r: (_binary(r, BATCH, 3), r.uniform(0.05, 0.95, (BATCH, 3))),
    "binary_logits": lambda r: (_binary(r, BATCH, 3), 3 * _normal(r, BATCH, 3)),
    "binary_sequence": lambda r: (
        _binary(r, BATCH, 2, 3),
        r.uniform(0.05, 0.95, (BATCH, 2, 3)),
    ),
    "onehot": lambda r: (_onehot(r, BATCH, 3), _softmax(_normal(r, BATCH, 3))),
    "soft": lambda r: (_softmax(_normal(r, BATCH, 3)), _softmax(_normal(r, BATCH, 3))),
    "unnormalized": lambda r: (_onehot(r, BATCH, 3), r.uniform(0.1, 2, (BATCH, 3))),
    "onehot_logits": lambda r: (_onehot(r, BATCH, 3), 3 * _normal(r, BATCH, 3)),
    "onehot_sequence": lambda r: (
        np.moveaxis(_onehot(r, BATCH, 2, 3), -1, 1),
        np.moveaxis(_softmax(_normal(r, BATCH, 2, 3)), -1, 1),
    ),
    "labels": lambda r: (r.integers(0, 3, BATCH), _softmax(_normal(r, BATCH, 3))),
    "label_logits": lambda r: (r.integers(0, 3, BATCH), 3 * _normal(r, BATCH, 3)),
    "ignored_labels": _ignored,
    "label_sequence": lambda r: (
        r.integers(0, 3, (BATCH, 2)),
        _softmax(_normal(r, BATCH, 2, 3)),
    ),
    "label_column": lambda r: (
        r.integers(0, 3, (BATCH, 1)),
        _softmax(_normal(r, BATCH, 3)),
    ),
    "embeddings": _embeddings,
    "strings": lambda r: (r.integers(1, 4, (BATCH, 2)), _normal(r, BATCH, 6, 4)),
}


def spread(weights, values):
    """Weights `(batch, 1, ...)` of the rank of the values; None for a scalar."""
    rank = len(np.shape(values))
    return weights.reshape(-1, *[1] * (rank - 1)) if rank else None


def reduced_values(losses, case):
    """What a case gives with each reduction, unweighted and weighted, in one vector.

    `losses` is the namespace `keras.losses`, of keras or of minikeras.
    """
    name, kwargs, kind = case
    y_true, y_pred, weights = inputs(kind)
    values = []
    for reduction in REDUCTIONS:
        loss = getattr(losses, name)(reduction=reduction, **kwargs)
        values.append(np.ravel(loss(y_true, y_pred)))
        per_sample = spread(weights, loss.call(y_true, y_pred))
        if per_sample is not None:
            values.append(np.ravel(loss(y_true, y_pred, sample_weight=per_sample)))
    return np.concatenate([np.asarray(v, "float32") for v in values])
