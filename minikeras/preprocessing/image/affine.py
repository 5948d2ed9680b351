"""Rotated, shifted, sheared, zoomed pictures and changed colours, as Keras 2 made them.

SciPy samples the pictures (extra `image`); random numbers are NumPy's global ones, which
`keras.utils.set_random_seed` seeds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.utils.images import array_to_img, img_to_array

Array = np.ndarray[Any, Any]


def _affine_transform() -> Any:
    try:
        from scipy.ndimage import affine_transform
    except ImportError:
        raise ImportError(
            "Transforming pictures needs the package SciPy. Install it by `pip install "
            "minikeras[image]` or `pip install scipy`."
        ) from None
    return affine_transform


def apply_affine_transform(
    x: Array,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Array:
    """A picture under a rotation, then a shift, a shear and a zoom, about its middle.

    Args:
        x: A picture, of rank 3.
        theta: Rotation in degrees.
        tx: Shift across, in pixels.
        ty: Shift up or down, in pixels.
        shear: Shear in degrees.
        zx: Zoom across; below 1 it enlarges.
        zy: Zoom up and down.
        row_axis: The axis of the height.
        col_axis: The axis of the width.
        channel_axis: The axis of the channels.
        fill_mode: What lies outside: `"nearest"`, `"constant"`, `"reflect"` or `"wrap"`.
        cval: The value outside for `"constant"`.
        order: Of the interpolating splines, 0 to 5.

    Returns:
        A picture of the same shape.

    Raises:
        ImportError: If SciPy is not installed.
        ValueError: If the axes make no sense.

    Example:

    >>> x = np.arange(9.0).reshape(3, 3, 1)
    >>> keras.preprocessing.image.apply_affine_transform(x, theta=90).shape  # doctest: +SKIP
    (3, 3, 1)
    """
    if sorted((row_axis, col_axis, channel_axis)) != [0, 1, 2]:
        raise ValueError(
            f"apply_affine_transform: axes {row_axis}, {col_axis} and {channel_axis}; expected "
            "0, 1 and 2 in some order."
        )
    matrix = _matrix(theta, tx, ty, shear, zx, zy)
    if matrix is None:
        return x
    # About the middle of the picture; x runs along the columns' axis, y along the rows'.
    middle = np.array([x.shape[col_axis] / 2 - 0.5, x.shape[row_axis] / 2 - 0.5])
    offset = matrix[:2, 2] + middle - matrix[:2, :2] @ middle
    sample = _affine_transform()
    planes = [
        sample(
            plane,
            matrix[:2, :2],
            offset,
            order=order,
            mode=fill_mode,
            cval=cval,
        )
        for plane in np.moveaxis(x, (channel_axis, col_axis, row_axis), (0, 1, 2))
    ]
    return np.moveaxis(np.stack(planes), (0, 1, 2), (channel_axis, col_axis, row_axis))


def _matrix(
    theta: float, tx: float, ty: float, shear: float, zx: float, zy: float
) -> Array | None:
    """The product of the transformations, from new to old coordinates; None for none."""
    parts = []
    if theta:
        angle = np.deg2rad(theta)
        sin, cos = np.sin(angle), np.cos(angle)
        parts.append([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    if tx or ty:
        parts.append([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if shear:
        angle = np.deg2rad(shear)
        parts.append([[1, -np.sin(angle), 0], [0, np.cos(angle), 0], [0, 0, 1]])
    if zx != 1 or zy != 1:
        parts.append([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    if not parts:
        return None
    matrix = np.array(parts[0], float)
    for part in parts[1:]:
        matrix = matrix @ np.array(part, float)
    return matrix


def apply_channel_shift(x: Array, intensity: float, channel_axis: int = 0) -> Array:
    """A picture with a number added, kept between its least and greatest values.

    Args:
        x: A picture.
        intensity: The number.
        channel_axis: Kept for Keras's signature: all channels get the same.

    Example:

    >>> x = np.array([[[10.0, 20.0, 30.0]]])
    >>> keras.preprocessing.image.apply_channel_shift(x, 5).tolist()
    [[[15.0, 25.0, 30.0]]]
    """
    return np.clip(x + intensity, x.min(), x.max())


def apply_brightness_shift(x: Array, brightness: float, scale: bool = True) -> Array:
    """A picture made brighter by a factor, by Pillow.

    Args:
        x: A picture of rank 3.
        brightness: 0 is black, 1 leaves it.
        scale: Whether to stretch the values to 0 to 255 first.

    Raises:
        ImportError: If Pillow is not installed.

    Example:

    >>> x = np.full((2, 2, 3), 100.0)
    >>> shift = keras.preprocessing.image.apply_brightness_shift
    >>> y = shift(x, 0.5, scale=False)  # doctest: +SKIP
    >>> float(y.mean())  # doctest: +SKIP
    50.0
    """
    low, high = x.min(), x.max()
    outside = low < 0 or high > 255
    image = array_to_img(x, scale=scale or outside)
    from PIL import ImageEnhance

    changed = img_to_array(ImageEnhance.Brightness(image).enhance(brightness))
    if not scale and outside:
        changed = changed / 255 * (high - low) + low
    return changed


def random_rotation(
    x: Array,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """A picture rotated by up to `rg` degrees; see `apply_affine_transform`.

    Example:

    >>> x = np.full((8, 8, 3), 100.0)
    >>> keras.preprocessing.image.random_rotation(x, 30, 0, 1, 2).shape  # doctest: +SKIP
    (8, 8, 3)
    """
    theta = np.random.uniform(-rg, rg)  # noqa: NPY002 - np.random.seed rules it, as in Keras
    return apply_affine_transform(
        x, theta=theta, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_shift(
    x: Array,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """A picture moved by up to the fractions `wrg` of its width and `hrg` of its height.

    Example:

    >>> x = np.full((8, 8, 3), 100.0)
    >>> keras.preprocessing.image.random_shift(x, 0.2, 0.2, 0, 1, 2).shape  # doctest: +SKIP
    (8, 8, 3)
    """
    ty = np.random.uniform(-hrg, hrg) * x.shape[row_axis]  # noqa: NPY002
    tx = np.random.uniform(-wrg, wrg) * x.shape[col_axis]  # noqa: NPY002
    return apply_affine_transform(
        x, tx=tx, ty=ty, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_shear(
    x: Array,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """A picture sheared by up to `intensity` degrees.

    Example:

    >>> x = np.full((8, 8, 3), 100.0)
    >>> keras.preprocessing.image.random_shear(x, 15, 0, 1, 2).shape  # doctest: +SKIP
    (8, 8, 3)
    """
    shear = np.random.uniform(-intensity, intensity)  # noqa: NPY002
    return apply_affine_transform(
        x, shear=shear, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_zoom(
    x: Array,
    zoom_range: tuple[float, float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """A picture zoomed along each axis by a factor out of a range.

    Raises:
        ValueError: If the range is no pair.

    Example:

    >>> x = np.full((8, 8, 3), 100.0)
    >>> keras.preprocessing.image.random_zoom(x, (0.8, 1.2), 0, 1, 2).shape  # doctest: +SKIP
    (8, 8, 3)
    """
    if len(zoom_range) != 2:
        raise ValueError(f"random_zoom: zoom_range={zoom_range}; expected two numbers.")
    zx, zy = 1.0, 1.0
    if tuple(zoom_range) != (1, 1):
        zx, zy = np.random.uniform(zoom_range[0], zoom_range[1], 2)  # noqa: NPY002
    return apply_affine_transform(
        x, zx=zx, zy=zy, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_channel_shift(
    x: Array, intensity_range: float, channel_axis: int = 0
) -> Array:
    """A picture with a number of up to `intensity_range` added.

    Example:

    >>> x = np.full((8, 8, 3), 100.0)
    >>> keras.preprocessing.image.random_channel_shift(x, 20, 2).shape  # doctest: +SKIP
    (8, 8, 3)
    """
    intensity = np.random.uniform(-intensity_range, intensity_range)  # noqa: NPY002
    return apply_channel_shift(x, intensity, channel_axis)


def random_brightness(
    x: Array, brightness_range: tuple[float, float], scale: bool = True
) -> Array:
    """A picture made brighter by a factor out of a range.

    Raises:
        ValueError: If the range is no pair.

    Example:

    >>> x = np.full((8, 8, 3), 100.0)
    >>> keras.preprocessing.image.random_brightness(x, (0.5, 1.5)).shape  # doctest: +SKIP
    (8, 8, 3)
    """
    if len(brightness_range) != 2:
        raise ValueError(
            f"random_brightness: brightness_range={brightness_range}; expected two numbers."
        )
    factor = np.random.uniform(*brightness_range)  # noqa: NPY002
    return apply_brightness_shift(x, factor, scale)
