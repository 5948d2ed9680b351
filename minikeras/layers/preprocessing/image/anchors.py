"""Boxes against boxes: how much they overlap, and what takes one to another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.boxes import (
    boxes_tensor,
    columns,
    convert_format,
    is_relative,
    known_format,
)
from minikeras.types import ArrayLike


def _size(image_shape: Sequence[int] | None, form: str, name: str) -> tuple[Any, Any]:
    """Height and width out of `image_shape`; None where they do not matter.

    Raises:
        ValueError: If they matter and are missing.
    """
    if image_shape is not None:
        return image_shape[0], image_shape[1]
    if is_relative(form):
        raise ValueError(
            f"{name}: image_shape=None with boxes in {form!r}; expected (height, width, "
            "channels), which relative formats are parts of."
        )
    return None, None


def _plain(
    boxes: object, form: str, image_shape: Sequence[int] | None, name: str
) -> Tensor:
    height, width = _size(image_shape, form, name)
    found = boxes_tensor(boxes, name)
    return convert_format(found, form, "xyxy", height, width, found.dtype)


def _area(x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> Tensor:
    return (x2 - x1) * (y2 - y1)


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is 0."""
    there = ops.not_equal(b, 0)
    return ops.where(there, a / ops.where(there, b, ops.ones_like(b)), 0.0)


def compute_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """The share that each box of one list has in common with each of another.

    Args:
        boxes1: Tensor `(m, 4)` or `(batch, m, 4)`.
        boxes2: Tensor `(n, 4)` or `(batch, n, 4)`.
        bounding_box_format: See `convert_format`.
        use_masking: Whether rows and columns of boxes that are padding (all four numbers
            negative) get `mask_val`.
        mask_val: That value.
        image_shape: `(height, width, channels)`; needed for relative formats.

    Returns:
        Tensor `(m, n)` or `(batch, m, n)`: the area of the intersection in parts of that
        of the union.

    Raises:
        ValueError: If boxes have another rank, or `image_shape` is missing.

    Example:

    >>> a, b = np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 2, 2], [1, 0, 3, 2]])
    >>> keras.utils.bounding_boxes.compute_iou(a, b, "xyxy").tolist()
    [[1.0, 0.3333]]
    """
    name = "compute_iou"
    form = known_format(bounding_box_format, name, "bounding_box_format")
    a, b = (_plain(boxes, form, image_shape, name) for boxes in (boxes1, boxes2))
    for found, argument in ((a, "boxes1"), (b, "boxes2")):
        if found.ndim not in (2, 3):
            raise ValueError(
                f"{name}: {argument} has shape {found.shape}; expected (boxes, 4) or "
                "(batch, boxes, 4)."
            )
    rows = columns(a)
    across = [ops.swapaxes(c, -1, -2) for c in columns(b)]
    low = [ops.maximum(p, q) for p, q in zip(rows[:2], across[:2])]
    high = [ops.minimum(p, q) for p, q in zip(rows[2:], across[2:])]
    wide, tall = (ops.maximum(h - w, 0) for h, w in zip(high, low))
    common = wide * tall
    union = _area(*rows) + _area(*across) - common
    share = _quotient(common, union)
    if not use_masking:
        return share
    padding_a = ops.all(a < 0, axis=-1, keepdims=True)
    padding_b = ops.swapaxes(ops.all(b < 0, axis=-1, keepdims=True), -1, -2)
    hidden = ops.logical_or(padding_a, padding_b)
    return ops.where(hidden, ops.cast(mask_val, share.dtype), share)


def compute_ciou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    bounding_box_format: str,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Complete IoU of boxes, pair by pair.

    `IoU - d^2 / c^2 - a v`: `d` is the distance of the centres, `c` the diagonal of the
    box around both, `v = 4 / pi^2 (atan(w1 / h1) - atan(w2 / h2))^2` and
    `a = v / (1 - IoU + v)`.

    Args:
        boxes1: Tensor `(..., 4)`.
        boxes2: Tensor of a shape that fits.
        bounding_box_format: See `convert_format`.
        image_shape: `(height, width, channels)`; needed for relative formats.

    Returns:
        Tensor `(...,)`; 1 for equal boxes.

    Raises:
        ValueError: If `image_shape` is missing.

    Reference:
        Zheng et al., 2019, https://arxiv.org/abs/1911.08287, eq. 8 to 11.

    Example:

    >>> a, b = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2]])
    >>> keras.utils.bounding_boxes.compute_ciou(a, b, "xyxy").tolist()
    [0.2564]
    """
    name = "compute_ciou"
    form = known_format(bounding_box_format, name, "bounding_box_format")
    a, b = (
        columns(_plain(boxes, form, image_shape, name)) for boxes in (boxes1, boxes2)
    )
    tiny = 1e-7
    wide = ops.maximum(ops.minimum(a[2], b[2]) - ops.maximum(a[0], b[0]), 0)
    tall = ops.maximum(ops.minimum(a[3], b[3]) - ops.maximum(a[1], b[1]), 0)
    common = wide * tall
    share = common / (_area(*a) + _area(*b) - common + tiny)
    around_x = ops.maximum(a[2], b[2]) - ops.minimum(a[0], b[0])
    around_y = ops.maximum(a[3], b[3]) - ops.minimum(a[1], b[1])
    diagonal = ops.square(around_x) + ops.square(around_y) + tiny
    apart = (
        ops.square(a[0] + a[2] - b[0] - b[2]) + ops.square(a[1] + a[3] - b[1] - b[3])
    ) / 4
    shapes = [ops.arctan((c[2] - c[0]) / (c[3] - c[1] + tiny)) for c in (a, b)]
    ratio = ops.square(shapes[0] - shapes[1]) * (4 / math.pi**2)
    weight = ratio / (ratio - share + (1 + tiny))
    return ops.squeeze(share - (apart / diagonal + weight * ratio), -1)


def _centred(form: object, name: str, argument: str) -> str:
    if form not in ("center_xywh", "center_yxhw"):
        raise ValueError(
            f"{name}: {argument}={form!r}; expected 'center_xywh' or 'center_yxhw'."
        )
    return str(form)


def _variance(variance: Sequence[float] | None, like: Tensor, name: str) -> Any:
    if variance is None:
        return 1.0
    found = ops.cast(ops.convert_to_tensor(variance), like.dtype)
    if found.shape != (4,):
        raise ValueError(f"{name}: variance={variance!r}; expected four numbers.")
    return found


def encode_box_to_deltas(
    anchors: ArrayLike,
    boxes: ArrayLike,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """What takes anchors to boxes: moves in parts of the anchor, logarithms of sizes.

    Args:
        anchors: Tensor `(n, 4)`.
        boxes: Tensor `(n, 4)` or `(batch, n, 4)`.
        anchor_format: Format of the anchors; see `convert_format`.
        box_format: Format of the boxes.
        encoding_format: `"center_yxhw"` or `"center_xywh"`: the order of the four deltas.
        variance: Four numbers that the deltas are divided by.
        image_shape: `(height, width, channels)`; needed for relative formats.

    Returns:
        Tensor of the shape of the boxes.

    Raises:
        ValueError: If a format, `variance` or `image_shape` is not as expected.

    Example:

    >>> keras.utils.bounding_boxes.encode_box_to_deltas(
    ...     np.array([[0.0, 0, 4, 4]]), np.array([[0.0, 1, 4, 5]]), "xyxy", "xyxy").tolist()
    [[0.25, 0.0, 0.0, 0.0]]
    """
    name = "encode_box_to_deltas"
    form = _centred(encoding_format, name, "encoding_format")
    sources = (
        (anchors, known_format(anchor_format, name, "anchor_format")),
        (boxes, known_format(box_format, name, "box_format")),
    )
    start, end = (
        convert_format(_plain(found, source, image_shape, name), "xyxy", form)
        for found, source in sources
    )
    spread = _variance(variance, end, name)
    places, sizes = start[..., :2], ops.maximum(start[..., 2:], 1e-7)
    moves = (end[..., :2] - places) / sizes
    growth = ops.log(ops.maximum(end[..., 2:], 1e-7) / sizes)
    moves, growth = (ops.broadcast_to(v, end[..., :2].shape) for v in (moves, growth))
    return ops.concatenate([moves, growth], axis=-1) / spread


def decode_deltas_to_boxes(
    anchors: ArrayLike,
    boxes_delta: ArrayLike,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Any:
    """The boxes that anchors and deltas stand for; undoes `encode_box_to_deltas`.

    Args:
        anchors: Tensor `(n, 4)`, or a dict of them, one for each level.
        boxes_delta: Tensor `(n, 4)` or `(batch, n, 4)`, or a dict with the same keys.
        anchor_format: Format of the anchors; see `convert_format`.
        box_format: Format of the result.
        encoded_format: `"center_yxhw"` or `"center_xywh"`: the order of the four deltas.
        variance: Four numbers that the deltas are multiplied by.
        image_shape: `(height, width, channels)`; needed for relative formats.

    Returns:
        Tensor of the shape of the deltas, or a dict of them.

    Raises:
        ValueError: If a format, `variance` or `image_shape` is not as expected, or only
            one of anchors and deltas is a dict.

    Example:

    >>> keras.utils.bounding_boxes.decode_deltas_to_boxes(
    ...     np.array([[0.0, 0, 4, 4]]), np.array([[0.25, 0, 0, 0]]), "xyxy", "xyxy").tolist()
    [[0.0, 1.0, 4.0, 5.0]]
    """
    name = "decode_deltas_to_boxes"
    if isinstance(anchors, dict) or isinstance(boxes_delta, dict):
        same = isinstance(anchors, dict) and isinstance(boxes_delta, dict)
        if not same or set(anchors) != set(boxes_delta):
            raise ValueError(
                f"{name}: anchors and boxes_delta differ in structure; expected two tensors, "
                "or two dicts with the same keys."
            )
        rest = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {
            key: decode_deltas_to_boxes(anchors[key], boxes_delta[key], *rest)
            for key in anchors
        }
    form = _centred(encoded_format, name, "encoded_format")
    source = known_format(anchor_format, name, "anchor_format")
    target = known_format(box_format, name, "box_format")
    start = convert_format(_plain(anchors, source, image_shape, name), "xyxy", form)
    deltas = boxes_tensor(boxes_delta, name)
    deltas = deltas * _variance(variance, deltas, name)
    sizes = start[..., 2:]
    places = start[..., :2] + deltas[..., :2] * sizes
    grown = sizes * ops.exp(deltas[..., 2:])
    height, width = _size(image_shape, target, name)
    found = ops.concatenate([places, grown], axis=-1)
    return convert_format(found, form, target, height, width)
