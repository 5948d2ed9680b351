"""Decoding of connectionist temporal classification: greedy, and by prefix beams."""

from __future__ import annotations

import math
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.prims.helpers import agree
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.sweeps import scan
from minikeras.ops.math.ranking import top_k
from minikeras.ops.nn.crossentropy import one_hot
from minikeras.ops.nn.ctc import frames_inside
from minikeras.ops.nn.probabilities import log_softmax
from minikeras.ops.numpy.choosing import where
from minikeras.ops.numpy.comparison import equal, logical_and, logical_not
from minikeras.ops.numpy.creation import full, ones_like, zeros
from minikeras.ops.numpy.exponential import logaddexp
from minikeras.ops.numpy.indexing import take_along_axis
from minikeras.ops.numpy.joining import concatenate
from minikeras.ops.numpy.products import matmul
from minikeras.ops.numpy.reductions import max as max_
from minikeras.ops.numpy.reductions import sum as sum_
from minikeras.ops.numpy.scans import argmax
from minikeras.ops.numpy.shaping import broadcast_to, expand_dims, reshape, transpose
from minikeras.ops.numpy.sorting import argsort
from minikeras.ops.op import op, promote_float, to_tensor
from minikeras.ops.support import cast_to, const, sub_slice
from minikeras.types import ArrayLike

__all__ = ["ctc_decode"]

# The score of a place in the beam that holds no prefix. Finite, so that sums of scores
# are never nan.
_EMPTY = -1e30

# Prefixes are told apart by two 32-bit polynomial hashes.
_FACTORS = (1664525, 22695477)


@op
def ctc_decode(
    inputs: ArrayLike,
    sequence_lengths: ArrayLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Tensor, Tensor]:
    """The label sequences that scores of frames stand for.

    Greedy decoding takes the likeliest class of each frame. The beam search sums over
    all alignments of a label sequence and keeps the `beam_width` likeliest prefixes.

    Args:
        inputs: Logits `(batch, steps, classes)`.
        sequence_lengths: Integer tensor `(batch,)`: frames of each sample.
        strategy: `"greedy"` or `"beam_search"`.
        beam_width: Number of prefixes that the search keeps after each frame.
        top_paths: Number of sequences that the search gives.
        merge_repeated: Whether a class that goes on over frames counts once. Greedy
            only: the search always sums over both.
        mask_index: Class of the blank; None is the last.

    Returns:
        Pair of int32 sequences `(top_paths, batch, steps)`, filled up with -1, and
        scores `(batch, top_paths)`: log probabilities from the search, minus the sum of
        the greatest logits from greedy decoding, which gives one path. Places that the
        search has no sequence for hold -1, with score -inf.

    Raises:
        ShapeError: If shapes do not fit.
        ValueError: If the strategy is neither, or a number is out of range.

    Example:

    >>> logits = [[[0.0, 5.0, 0.0], [0.0, 5.0, 0.0], [5.0, 0.0, 0.0], [0.0, 0.0, 5.0]]]
    >>> paths, scores = keras.ops.ctc_decode(logits, [4])
    >>> paths.tolist(), scores.tolist()
    ([[[1, 2, -1, -1]]], [[-20.0]])

    Reference: Graves et al. (2006), Connectionist Temporal Classification, section 3.2;
    Hannun et al. (2014), First-Pass Large Vocabulary Continuous Speech Recognition,
    algorithm 1.
    """
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(
            f"ctc_decode: strategy={strategy!r}; expected 'greedy' or 'beam_search'."
        )
    (logits,) = promote_float(inputs)
    if logits.dtype in ("float16", "bfloat16"):
        logits = cast_to(logits, "float32")
    lengths = to_tensor(sequence_lengths)
    fits = logits.ndim == 3 and lengths.ndim == 1
    if not fits or not agree(lengths.shape[0], logits.shape[0]):
        raise ShapeError(
            f"ctc_decode: inputs of shape {logits.shape}, sequence_lengths "
            f"{lengths.shape}; expected (batch, steps, classes) and (batch,)."
        )
    blank = logits.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _greedy(logits, lengths, merge_repeated, blank)
    if not 0 <= blank < logits.shape[-1]:
        raise ValueError(
            f"ctc_decode: mask_index={mask_index}; expected a class below "
            f"{logits.shape[-1]}, or None."
        )
    if beam_width < 1 or top_paths < 1:
        raise ValueError(
            f"ctc_decode: beam_width={beam_width}, top_paths={top_paths}; expected at "
            "least 1."
        )
    return _beam_search(logits, lengths, int(beam_width), int(top_paths), blank)


def _greedy(
    logits: Tensor, lengths: Tensor, merge_repeated: bool, blank: int
) -> tuple[Tensor, Tensor]:
    best = cast_to(argmax(logits, axis=-1), "int32")
    inside = frames_inside(logits, lengths)
    score = sum_(where(inside, max_(logits, axis=-1), 0.0), axis=1, keepdims=True)
    keep = logical_and(inside, prims.ne(best, const(best, blank)))
    steps = best.shape[1]
    if merge_repeated and steps > 1:
        same = equal(sub_slice(best, 1, 1, steps), sub_slice(best, 1, 0, steps - 1))
        first = ones_like(sub_slice(keep, 1, 0, 1))
        fresh = concatenate([first, logical_not(same)], axis=1)
        keep = logical_and(keep, fresh)
    # What is kept moves to the front, in its order.
    places = prims.iota(shape=best.shape, dtype="int32", axis=1)
    # Keys: kept places by number, all others behind them; the sort is stable.
    behind = prims.add(places, const(places, steps))
    order = argsort(where(keep, places, behind), axis=1)
    found = take_along_axis(where(keep, best, -1), order, 1)
    return expand_dims(found, 0), prims.neg(score)


def _start(batch: int, width: int, steps: int, dtype: str) -> dict[str, Any]:
    """The beam before the first frame: one empty prefix."""
    none = zeros((batch, width), "int32")
    code = tuple(zeros((batch, width), "uint32") for _ in _FACTORS)
    empty = full((batch, width), _EMPTY, dtype)
    return {
        "path": full((batch, width, steps), -1, "int32"),
        "size": none,
        "last": full((batch, width), -1, "int32"),
        "code": code,
        "parent": code,  # the code of the prefix without its last label
        "blank": concatenate(
            [zeros((batch, 1), dtype), sub_slice(empty, 1, 0, width - 1)], axis=1
        ),
        "label": empty,
    }


def _grown(beam: dict[str, Any], frame: Tensor, blank: int) -> tuple[Any, Any, Any]:
    """Scores of prefixes that stay, blank or label last, and of each one label longer.

    A longer prefix that is in the beam already gives its score to that one.
    """
    # Prefix beams with two scores each, one for paths that end in a blank and one for
    # those that end in the label.
    total = logaddexp(beam["blank"], beam["label"])
    classes = frame.shape[-1]
    holds = one_hot(beam["last"], classes, dtype=frame.dtype)  # (batch, beam, classes)
    line = expand_dims(frame, 1)
    stay = prims.add(total, sub_slice(frame, 1, blank, blank + 1))
    written = prims.gt(beam["size"], const(beam["size"], 0))
    again = prims.add(beam["label"], sum_(prims.mul(holds, line), axis=2))
    again = where(written, again, _EMPTY)
    # The label that is last already starts anew only after a blank.
    repeats = prims.gt(holds, const(holds, 0))
    before = where(repeats, expand_dims(beam["blank"], 2), expand_dims(total, 2))
    longer = prims.add(before, line)
    blanks = prims.iota(shape=(classes,), dtype="int32", axis=0)
    longer = where(equal(blanks, blank), _EMPTY, longer)
    # (batch, i, j): prefix j is prefix i and one label more.
    child = logical_and(written, prims.gt(total, const(total, _EMPTY / 2)))
    child = expand_dims(child, 1)
    for own, parent in zip(beam["code"], beam["parent"], strict=True):
        child = logical_and(child, equal(expand_dims(own, 2), expand_dims(parent, 1)))
    weights = cast_to(child, frame.dtype)
    given = matmul(longer, transpose(holds, (0, 2, 1)))
    again = logaddexp(again, max_(where(child, given, _EMPTY), axis=1))
    taken = matmul(weights, holds)
    # That prefix is in the beam already and has got the score: it must not be there
    # twice.
    longer = where(prims.gt(taken, const(taken, 0)), _EMPTY, longer)
    return stay, again, longer


def _picked(
    beam: dict[str, Any], stay: Tensor, again: Tensor, longer: Tensor
) -> dict[str, Any]:
    """The best of the prefixes that stay and of those that grew, as the next beam."""
    batch, width, classes = longer.shape
    grown = reshape(longer, (batch, width * classes))
    scores, index = top_k(concatenate([logaddexp(stay, again), grown], axis=1), width)
    index = cast_to(index, "int32")
    stays = prims.lt(index, const(index, width))
    beyond = prims.sub(index, const(index, width))
    source = where(stays, index, prims.floordiv(beyond, const(index, classes)))
    label = prims.sub(
        beyond,
        prims.mul(prims.floordiv(beyond, const(index, classes)), const(index, classes)),
    )

    def moved(x: Tensor) -> Tensor:
        return take_along_axis(x, source, 1)

    paths = beam["path"]
    origin = broadcast_to(expand_dims(source, 2), paths.shape)
    paths = take_along_axis(paths, origin, 1)
    size = moved(beam["size"])
    places = prims.iota(shape=paths.shape, dtype="int32", axis=2)
    end = logical_and(
        logical_not(expand_dims(stays, 2)), equal(places, expand_dims(size, 2))
    )
    codes = tuple(moved(c) for c in beam["code"])
    # Plus 1, so that label 0 changes the code too.
    mark = prims.add(cast_to(label, "uint32"), const(codes[0], 1))
    longer_codes = tuple(
        prims.add(prims.mul(c, const(c, factor)), mark)
        for c, factor in zip(codes, _FACTORS, strict=True)
    )
    return {
        "path": where(end, expand_dims(label, 2), paths),
        "size": where(stays, size, prims.add(size, const(size, 1))),
        "last": where(stays, moved(beam["last"]), label),
        "code": tuple(
            where(stays, c, d) for c, d in zip(codes, longer_codes, strict=True)
        ),
        "parent": tuple(
            where(stays, moved(p), c)
            for p, c in zip(beam["parent"], codes, strict=True)
        ),
        "blank": where(stays, moved(stay), _EMPTY),
        "label": where(stays, moved(again), scores),
    }


def _beam_search(
    logits: Tensor, lengths: Tensor, width: int, top_paths: int, blank: int
) -> tuple[Tensor, Tensor]:
    batch, steps, _ = logits.shape
    logs = transpose(log_softmax(logits, -1), (1, 0, 2))
    inside = expand_dims(transpose(frames_inside(logits, lengths)), 2)

    def kept(live: Tensor, new: Any, old: Any) -> Any:
        if isinstance(new, tuple):
            return tuple(kept(live, a, b) for a, b in zip(new, old, strict=True))
        return where(expand_dims(live, 2) if new.ndim == 3 else live, new, old)

    def step(beam: Any, frame: Tensor) -> Any:
        line, live = frame
        grown = _picked(beam, *_grown(beam, line, blank))
        return {name: kept(live, grown[name], beam[name]) for name in beam}, None

    start = _start(batch, width, steps, logits.dtype)
    beam, _ = scan(step, start, (logs, inside))
    scores = logaddexp(beam["blank"], beam["label"])
    found = prims.gt(scores, const(scores, _EMPTY / 2))
    paths = where(expand_dims(found, 2), beam["path"], -1)
    scores = where(found, scores, -math.inf)
    if top_paths > width:
        missing = top_paths - width
        paths = concatenate([paths, full((batch, missing, steps), -1, "int32")], axis=1)
        blanks = full((batch, missing), -math.inf, scores.dtype)
        scores = concatenate([scores, blanks], axis=1)
    paths = transpose(sub_slice(paths, 1, 0, top_paths), (1, 0, 2))
    return paths, sub_slice(scores, 1, 0, top_paths)
