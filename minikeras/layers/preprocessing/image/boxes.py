"""Bounding boxes: formats, and what happens to them when a picture is changed.

Boxes are `(boxes, 4)` or `(batch, boxes, 4)`. Inside of the package they are `xyxy`:
left, top, right, bottom, in pixels from the picture's corner.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.types import Nested


Size = Any  # a number, or the size of a picture while its step is traced
_Four = tuple[Tensor, Tensor, Tensor, Tensor]


def _from_sides(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> _Four:
    return a, b, c, d


def _swapped(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> _Four:
    return b, a, d, c


def _from_corner(x: Tensor, y: Tensor, w: Tensor, h: Tensor) -> _Four:
    return x, y, x + w, y + h


def _to_corner(x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> _Four:
    return x1, y1, x2 - x1, y2 - y1


def _from_centre(x: Tensor, y: Tensor, w: Tensor, h: Tensor) -> _Four:
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _to_centre(x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> _Four:
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def _from_centre_yx(y: Tensor, x: Tensor, h: Tensor, w: Tensor) -> _Four:
    return _from_centre(x, y, w, h)


def _to_centre_yx(x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> _Four:
    return _swapped(*_to_centre(x1, y1, x2, y2))


_Rule = Callable[[Tensor, Tensor, Tensor, Tensor], _Four]
# Each format: to xyxy, and from it.
_FORMATS: dict[str, tuple[_Rule, _Rule]] = {
    "xyxy": (_from_sides, _from_sides),
    "yxyx": (_swapped, _swapped),
    "xywh": (_from_corner, _to_corner),
    "center_xywh": (_from_centre, _to_centre),
    "center_yxhw": (_from_centre_yx, _to_centre_yx),
}
_RELATIVE = ("rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")
FORMATS = (*_FORMATS, *_RELATIVE)


def known_format(name: object, function: str, argument: str) -> str:
    """The format in lower case.

    Raises:
        ValueError: If it is none.
    """
    found = name.lower() if isinstance(name, str) else name
    if found not in FORMATS:
        raise ValueError(
            f"{function}: {argument}={name!r}; expected one of {', '.join(FORMATS)}."
        )
    return str(found)


def is_relative(name: str) -> bool:
    """Whether a format is in parts of the picture, rather than in pixels."""
    return name.startswith("rel_")


def columns(boxes: Tensor) -> _Four:
    """The four numbers of boxes `(..., 4)`, each `(..., 1)`."""
    a, b, c, d = ops.split(boxes, 4, axis=-1)
    return a, b, c, d


def boxes_tensor(boxes: Any, function: str, dtype: str | None = None) -> Tensor:
    """Boxes as a float tensor.

    Raises:
        ValueError: If their last axis is not 4.
    """
    found = ops.convert_to_tensor(boxes)
    if dtype is None:
        dtype = found.dtype if "float" in found.dtype else "float32"
    if not found.ndim or found.shape[-1] != 4:
        raise ValueError(
            f"{function}: boxes have shape {found.shape}; expected (boxes, 4) or "
            "(batch, boxes, 4)."
        )
    return ops.cast(found, dtype)


def _scaled(boxes: Tensor, height: Size, width: Size, back: bool = False) -> Tensor:
    """Boxes in pixels out of boxes in parts, or `back`."""
    sizes = ops.stack(
        [ops.cast(n, boxes.dtype) for n in (width, height, width, height)]
    )
    return boxes / sizes if back else boxes * sizes


def convert_format(
    boxes: Nested[ArrayLike],
    source: str,
    target: str,
    height: Size | None = None,
    width: Size | None = None,
    dtype: str = "float32",
) -> Any:
    """Boxes in another format.

    - `"xyxy"`: left, top, right, bottom; `"yxyx"`: top, left, bottom, right;
    - `"xywh"`: left, top, width, height;
    - `"center_xywh"`: x and y of the centre, width, height; `"center_yxhw"`: y and x of
      the centre, height, width;
    - `"rel_xyxy"`, `"rel_yxyx"`, `"rel_xywh"`, `"rel_center_xywh"`: the same in parts of
      the picture's width and height.

    Args:
        boxes: Tensor `(boxes, 4)` or `(batch, boxes, 4)`, or a dict with such a tensor at
            `"boxes"`, the rest of which stays.
        source: Format of the boxes; upper or lower case.
        target: Format of the result.
        height: Height of the picture in pixels; needed for relative formats.
        width: Width of the picture in pixels; needed for relative formats.
        dtype: Dtype of the result.

    Returns:
        The boxes, or a new dict with them.

    Raises:
        ValueError: If a format is not known, boxes have another shape, or a size is
            missing.

    Example:

    >>> keras.utils.bounding_boxes.convert_format(
    ...     np.array([[10, 20, 30, 60]]), "xyxy", "xywh").tolist()
    [[10.0, 20.0, 20.0, 40.0]]
    """
    if isinstance(boxes, dict):
        moved = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": moved}
    name = "convert_format"
    source = known_format(source, name, "source")
    target = known_format(target, name, "target")
    relative = is_relative(source) or is_relative(target)
    if relative and (height is None or width is None) and source != target:
        raise ValueError(
            f"{name}: source={source!r}, target={target!r}, height={height}, "
            f"width={width}; expected the height and width of the picture, which relative "
            "formats are parts of."
        )
    found = boxes_tensor(boxes, name, dtype)
    if source == target:
        return found
    to_plain, _ = _FORMATS[source.removeprefix("rel_")]
    _, from_plain = _FORMATS[target.removeprefix("rel_")]
    plain = ops.concatenate(to_plain(*columns(found)), axis=-1)
    if is_relative(source) != is_relative(target):
        plain = _scaled(plain, height, width, back=is_relative(target))
    return ops.concatenate(from_plain(*columns(plain)), axis=-1)


def clipped(boxes: Tensor, height: Size, width: Size) -> Tensor:
    """`xyxy` boxes cut at the borders of a picture."""
    x1, y1, x2, y2 = columns(boxes)
    w, h = ops.cast(width, boxes.dtype), ops.cast(height, boxes.dtype)
    return ops.concatenate(
        [
            ops.clip(x1, 0, w),
            ops.clip(y1, 0, h),
            ops.clip(x2, 0, w),
            ops.clip(y2, 0, h),
        ],
        axis=-1,
    )


def cut(found: dict[str, Any], height: Size, width: Size) -> dict[str, Any]:
    """`xyxy` boxes cut at the borders; those of which nothing is left get label -1."""
    boxes = clipped(found["boxes"], height, width)
    x1, y1, x2, y2 = columns(boxes)
    there = ops.squeeze(ops.logical_and(x2 > x1, y2 > y1), -1)
    result = {**found, "boxes": boxes}
    if "labels" in found:
        labels = ops.convert_to_tensor(found["labels"])
        result["labels"] = ops.where(there, labels, ops.full_like(labels, -1))
    return result


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: Size | None = None,
    width: Size | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Boxes cut at the borders of their picture.

    Args:
        bounding_boxes: Dict of `"boxes"` `(boxes, 4)` or `(batch, boxes, 4)`, and `"labels"`
            without the last axis.
        height: Height of the picture in pixels; not needed for relative formats.
        width: Width of the picture in pixels; not needed for relative formats.
        bounding_box_format: Format of the boxes; see `convert_format`.

    Returns:
        A new dict. Boxes of which nothing is left have label -1.

    Raises:
        ValueError: If a size is missing, or there are no boxes.

    Example:

    >>> boxes = {"boxes": np.array([[-10.0, 5, 20, 30], [50, 5, 60, 9]]),
    ...          "labels": np.array([3, 4])}
    >>> cut = keras.utils.bounding_boxes.clip_to_image_size(boxes, height=20, width=40)
    >>> cut["boxes"].tolist(), cut["labels"].tolist()
    ([[0.0, 5.0, 20.0, 20.0], [40.0, 5.0, 40.0, 9.0]], [3, -1])
    """
    name = "clip_to_image_size"
    form = known_format(bounding_box_format, name, "bounding_box_format")
    if not isinstance(bounding_boxes, dict) or "boxes" not in bounding_boxes:
        raise ValueError(
            f"{name}: bounding_boxes is a {type(bounding_boxes).__name__}; expected a dict "
            "of 'boxes' and 'labels'."
        )
    if is_relative(form):
        height = width = 1
    if height is None or width is None:
        raise ValueError(
            f"{name}: height={height}, width={width} with "
            f"bounding_box_format={form!r}; expected the height and width of the picture."
        )
    boxes = boxes_tensor(bounding_boxes["boxes"], name)
    plain = convert_format(boxes, form, "xyxy", height, width, boxes.dtype)
    done = cut({**bounding_boxes, "boxes": plain}, height, width)
    back = convert_format(done["boxes"], "xyxy", form, height, width, boxes.dtype)
    return {**done, "boxes": back}


def _absolute(name: str, form: str) -> str:
    form = known_format(form, name, "bounding_box_format")
    if is_relative(form):
        raise NotImplementedError(
            f"{name}: bounding_box_format={form!r}; expected one in pixels, as the size of "
            "the picture is not known here. Use convert_format first."
        )
    return form


def shifted(boxes: Tensor, right: ArrayLike, down: ArrayLike) -> Tensor:
    """`xyxy` boxes moved."""
    x, y = ops.cast(right, boxes.dtype), ops.cast(down, boxes.dtype)
    return boxes + ops.stack([x, y, x, y])


def crop(
    boxes: ArrayLike,
    top: Size,
    left: Size,
    height: Size,
    width: Size,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Boxes in a part of their picture, cut at its borders.

    Args:
        boxes: Tensor `(boxes, 4)` or `(batch, boxes, 4)`.
        top: Row at which the part starts.
        left: Column at which the part starts.
        height: Rows of the part.
        width: Columns of the part.
        bounding_box_format: A format in pixels; see `convert_format`.

    Raises:
        NotImplementedError: If the format is relative.

    Example:

    >>> keras.utils.bounding_boxes.crop(
    ...     np.array([[10.0, 20, 50, 60]]), top=10, left=20, height=40, width=30).tolist()
    [[0.0, 10.0, 30.0, 40.0]]
    """
    form = _absolute("crop", bounding_box_format)
    found = boxes_tensor(boxes, "crop")
    plain = convert_format(found, form, "xyxy", dtype=found.dtype)
    inner = clipped(shifted(plain, -left, -top), height, width)
    return convert_format(inner, "xyxy", form, dtype=found.dtype)


def pad(
    boxes: ArrayLike,
    top: Size,
    left: Size,
    height: Size | None = None,
    width: Size | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Boxes in a picture that got rows above and columns on the left.

    Args:
        boxes: Tensor `(boxes, 4)` or `(batch, boxes, 4)`.
        top: Rows that were added above.
        left: Columns that were added on the left.
        height: Not used.
        width: Not used.
        bounding_box_format: A format in pixels; see `convert_format`.

    Raises:
        NotImplementedError: If the format is relative.

    Example:

    >>> keras.utils.bounding_boxes.pad(
    ...     np.array([[10.0, 20, 50, 60]]), top=1, left=2).tolist()
    [[12.0, 21.0, 52.0, 61.0]]
    """
    form = _absolute("pad", bounding_box_format)
    found = boxes_tensor(boxes, "pad")
    plain = convert_format(found, form, "xyxy", dtype=found.dtype)
    moved = shifted(plain, left, top)
    return convert_format(moved, "xyxy", form, dtype=found.dtype)


def _corners(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """x and y of the corners of `xyxy` boxes, each `(..., boxes, 4)`."""
    x1, y1, x2, y2 = columns(boxes)
    return (
        ops.concatenate([x1, x2, x1, x2], axis=-1),
        ops.concatenate([y1, y1, y2, y2], axis=-1),
    )


Plane = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def moved_by(boxes: Tensor, plane: Plane) -> Tensor:
    """The least `xyxy` boxes around boxes whose corners are moved by a map."""
    x, y = plane(*_corners(boxes))
    return ops.stack(
        [
            ops.min(x, axis=-1),
            ops.min(y, axis=-1),
            ops.max(x, axis=-1),
            ops.max(y, axis=-1),
        ],
        axis=-1,
    )


def _number(value: ArrayLike, like: Tensor) -> Tensor:
    """A number for all boxes or one for each picture, ready to meet `like`."""
    found = ops.cast(ops.convert_to_tensor(value), like.dtype)
    return ops.reshape(found, (-1, *(1,) * (like.ndim - 1))) if found.ndim else found


def affine_transform(
    boxes: ArrayLike,
    angle: Tensor,
    translate_x: Tensor,
    translate_y: Tensor,
    scale: Tensor,
    shear_x: Tensor,
    shear_y: Tensor,
    height: Size,
    width: Size,
    center_x: Tensor | None = None,
    center_y: Tensor | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """The least boxes around boxes that are moved, sheared, turned and scaled.

    With `t` the tangents of the shears, relative to the centre, `(x, y)` goes to
    `s (x cos + y sin + t_x (x (sin - t_y cos) + y (cos + t_y sin)))` and
    `s (y (cos + t_y sin) - x (sin - t_y cos))`.

    Args:
        boxes: Tensor `(boxes, 4)` or `(batch, boxes, 4)`.
        angle: Degrees, counterclockwise. This and the following: a number, or one for
            each picture.
        translate_x: Parts of the width, applied first.
        translate_y: Parts of the height, applied first.
        scale: Factor.
        shear_x: Degrees.
        shear_y: Degrees.
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        center_x: Where the centre is, in parts of the width; default the middle.
        center_y: Where the centre is, in parts of the height; default the middle.
        bounding_box_format: See `convert_format`.

    Returns:
        Tensor of the shape of the boxes. Nothing is cut at the borders.

    Example:

    >>> keras.utils.bounding_boxes.affine_transform(
    ...     np.array([[0.0, 0, 2, 2]]), angle=0.0, translate_x=0.5, translate_y=0.0,
    ...     scale=1.0, shear_x=0.0, shear_y=0.0, height=11, width=11).tolist()
    [[5.0, 0.0, 7.0, 2.0]]
    """
    name = "affine_transform"
    form = known_format(bounding_box_format, name, "bounding_box_format")
    found = boxes_tensor(boxes, name)
    plain = convert_format(found, form, "xyxy", height, width, found.dtype)
    across, up = (ops.cast(n, found.dtype) - 1 for n in (width, height))

    def number(value: ArrayLike) -> Tensor:
        return _number(value, plain)

    turn, lean_x, lean_y = (
        number(value) * (math.pi / 180) for value in (angle, shear_x, shear_y)
    )
    middle_x = number(0.5 if center_x is None else center_x) * across
    middle_y = number(0.5 if center_y is None else center_y) * up
    size, tx, ty = number(scale), ops.tan(lean_x), ops.tan(lean_y)
    cos, sin = ops.cos(turn), ops.sin(turn)
    from_x, from_y = sin - ty * cos, cos + ty * sin

    def plane(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x = x - middle_x + number(translate_x) * across
        y = y - middle_y + number(translate_y) * up
        new_x = x * cos + y * sin + tx * (x * from_x + y * from_y)
        new_y = y * from_y - x * from_x
        return size * new_x + middle_x, size * new_y + middle_y

    moved = moved_by(plain, plane)
    return convert_format(moved, "xyxy", form, height, width, found.dtype)
