"""One table of metrics, their arguments and kinds of input; goldens come from it too."""

import numpy as np

FLOAT = {"dtype": "float32"}

# Metric class, arguments, kind of input.
CASES = [
    ("Mean", {}, "values"),
    ("Mean", {}, "matrix"),
    ("Sum", {}, "values"),
    ("Sum", {}, "matrix"),
    ("Accuracy", {}, "labels"),
    ("BinaryAccuracy", {}, "binary"),
    ("BinaryAccuracy", {"threshold": 0.7}, "binary"),
    ("CategoricalAccuracy", {}, "onehot"),
    ("SparseCategoricalAccuracy", {}, "sparse"),
    ("SparseCategoricalAccuracy", {}, "sparse_column"),
    ("TopKCategoricalAccuracy", {"k": 2}, "onehot"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "sparse"),
    ("MeanSquaredError", {}, "real"),
    ("MeanSquaredError", {}, "sequence"),
    ("RootMeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("CosineSimilarity", {}, "real"),
    ("CosineSimilarity", {"axis": 1}, "sequence"),
    ("LogCoshError", {}, "real"),
    ("Hinge", {}, "binary"),
    ("SquaredHinge", {}, "binary"),
    ("CategoricalHinge", {}, "onehot"),
    ("KLDivergence", {}, "soft"),
    ("Poisson", {}, "positive"),
    ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary"),
    ("CategoricalCrossentropy", {}, "onehot"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, "onehot"),
    ("SparseCategoricalCrossentropy", {}, "sparse"),
    ("PearsonCorrelation", {}, "real"),
    ("ConcordanceCorrelation", {}, "real"),
    ("R2Score", {}, "real"),
    ("R2Score", {"class_aggregation": None, "num_regressors": 2}, "real"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "real"),
    ("TruePositives", {}, "binary"),
    ("TrueNegatives", {"thresholds": [0.2, 0.6]}, "binary"),
    ("FalsePositives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "edges"),
    ("FalseNegatives", {"thresholds": 0.3}, "binary"),
    ("Precision", {}, "binary"),
    ("Precision", {"top_k": 2}, "onehot"),
    ("Precision", {"class_id": 1, "thresholds": [0.2, 0.5, 0.9]}, "onehot"),
    ("Recall", {}, "binary"),
    ("Recall", {"top_k": 2, "class_id": 0}, "onehot"),
    ("AUC", {}, "flat"),
    ("AUC", {"num_thresholds": 5}, "edges"),
    ("AUC", {"curve": "PR"}, "binary"),
    ("AUC", {"curve": "PRGAIN"}, "flat"),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, "binary"),
    ("AUC", {"summation_method": "minoring", "thresholds": [0.1, 0.6, 0.7]}, "binary"),
    ("AUC", {"multi_label": True}, "binary"),
    ("AUC", {"multi_label": True, "label_weights": [0.2, 0.5, 0.3]}, "binary"),
    ("AUC", {"multi_label": True, "num_labels": 3, "curve": "PR"}, "binary"),
    ("AUC", {"label_weights": [0.2, 0.5, 0.3]}, "binary"),
    ("AUC", {"from_logits": True}, "logits"),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, "flat"),
    ("SensitivityAtSpecificity", {"specificity": 0.6, "num_thresholds": 1}, "flat"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.7}, "flat"),
    ("PrecisionAtRecall", {"recall": 0.6}, "flat"),
    ("PrecisionAtRecall", {"recall": 0.6, "class_id": 2}, "onehot"),
    ("RecallAtPrecision", {"precision": 0.6}, "flat"),
    ("FBetaScore", {"beta": 2.0}, "onehot"),
    ("FBetaScore", {"average": "micro"}, "onehot"),
    ("F1Score", {"average": "macro", "threshold": 0.4}, "binary"),
    ("F1Score", {"average": "weighted"}, "onehot"),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2], "dtype": "float32"}, "labels"),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], **FLOAT, "sparse_y_pred": False}, "sparse"),
    ("MeanIoU", {"num_classes": 3, "dtype": "float32"}, "labels"),
    ("MeanIoU", {"num_classes": 3, "ignore_class": 1, "dtype": "float32"}, "labels"),
    ("BinaryIoU", {"threshold": 0.4, "dtype": "float32"}, "flat"),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0], "dtype": "float32"}, "onehot"),
    ("OneHotMeanIoU", {"num_classes": 3, "dtype": "float32"}, "onehot"),
]  # fmt: skip

# Keras broadcasts weights to targets of two axes here only if they have two as well.
_COLUMN_WEIGHTS = ("AUC", "Positives", "Negatives", "Precision", "Recall")

# Uneven batches, as the last one of an epoch is.
SPLITS = (8, 16)
SIZE = 20


def case_name(case):
    name, kwargs, kind = case
    parts = [f"{k}={v}".replace(" ", "") for k, v in kwargs.items()]
    return "-".join([name, kind, *parts])


def inputs(kind):
    """Arguments of `update_state`, and weights `(batch,)`, always the same."""
    rng = np.random.default_rng(11)
    weights = rng.uniform(0.0, 2.0, SIZE).astype("float32")
    return _KINDS[kind](rng), weights


def _softmax(x):
    e = np.exp(x)
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def _normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def _binary(rng, *shape):
    return rng.integers(0, 2, shape).astype("float32")


def _uniform(rng, *shape):
    return rng.uniform(0.02, 0.98, shape).astype("float32")


def _labels(rng):
    return rng.integers(0, 3, SIZE).astype("int32")


def _onehot(rng):
    return np.eye(3, dtype="float32")[_labels(rng)]


_KINDS = {
    "values": lambda r: (_normal(r, SIZE),),
    "matrix": lambda r: (_normal(r, SIZE, 3),),
    "labels": lambda r: (_labels(r), _labels(r)),
    "binary": lambda r: (_binary(r, SIZE, 3), _uniform(r, SIZE, 3)),
    "flat": lambda r: (_binary(r, SIZE), _uniform(r, SIZE)),
    "edges": lambda r: (
        _binary(r, SIZE),
        (r.integers(0, 5, SIZE) / 4).astype("float32"),
    ),
    "logits": lambda r: (_binary(r, SIZE), 2 * _normal(r, SIZE)),
    "onehot": lambda r: (_onehot(r), _softmax(_normal(r, SIZE, 3))),
    "soft": lambda r: (_softmax(_normal(r, SIZE, 3)), _softmax(_normal(r, SIZE, 3))),
    "sparse": lambda r: (_labels(r), _softmax(_normal(r, SIZE, 3))),
    "sparse_column": lambda r: (
        _labels(r)[:, None],
        _softmax(_normal(r, SIZE, 3)),
    ),
    "real": lambda r: (_normal(r, SIZE, 3), _normal(r, SIZE, 3)),
    "sequence": lambda r: (_normal(r, SIZE, 2, 3), _normal(r, SIZE, 2, 3)),
    "positive": lambda r: (
        r.uniform(0.2, 3, (SIZE, 3)).astype("float32"),
        r.uniform(0.2, 3, (SIZE, 3)).astype("float32"),
    ),
}


def streamed(metrics, case, wrap=lambda update: update):
    """Results after each batch, unweighted then weighted, in one vector.

    `metrics` is the namespace `keras.metrics`, of keras or of minikeras.
    """
    name, kwargs, kind = case
    args, weights = inputs(kind)
    if (
        args[0].ndim == 2
        and name.endswith(_COLUMN_WEIGHTS)
        and "class_id" not in kwargs
    ):
        weights = weights[:, None]
    results = []
    for weighted in (False, True):
        metric = getattr(metrics, name)(**kwargs)
        update = wrap(metric.update_state)
        start = 0
        for stop in (*SPLITS, SIZE):
            part = [a[start:stop] for a in args]
            extra = {"sample_weight": weights[start:stop]} if weighted else {}
            update(*part, **extra)
            results.append(np.ravel(metric.result()))
            start = stop
    return np.concatenate([np.asarray(r, "float32") for r in results])
