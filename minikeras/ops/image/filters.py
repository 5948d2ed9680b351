"""Filters: blur, edges, and likeness of images by what a filter sees of them."""

from __future__ import annotations

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.image.common import (
    back_to,
    computing,
    images_of,
    pair,
    plane,
    unknown,
)
from minikeras.ops.nn.convolution import padding_of
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import boolean, cast_to, const, numeric, sub_slice
from minikeras.types import ArrayLike, Sizes

__all__ = ["gaussian_blur", "sobel_edges", "ssim"]


def _bell(size: int, sigma: Tensor) -> Tensor:
    """A Gaussian of `size` places around the middle, with sum 1."""
    line = prims.iota(shape=(size,), dtype=sigma.dtype, axis=0)
    place = prims.div(prims.sub(line, const(line, (size - 1) / 2)), sigma)
    curve = prims.exp(prims.mul(prims.mul(place, place), const(place, -0.5)))
    return prims.div(curve, prims.sum(curve, axes=(0,), keepdims=True))


def smoothed(x: Tensor, size: tuple[int, int], sigma: Tensor, padding: str) -> Tensor:
    """Float images `(..., height, width)` under a Gaussian, one axis after the other.

    `sigma` holds one number for each of the two axes.
    """
    height, width = x.shape[-2:]
    lead = 1
    for d in x.shape[:-2]:
        lead *= d
    y = prims.reshape(x, shape=(lead, height, width, 1))
    # A Gaussian in two axes is a product of two: n + n products for each pixel, not n *
    # n.
    for i, n in enumerate(size):
        bell = _bell(n, sub_slice(sigma, 0, i, i + 1))
        window = (n, 1) if i == 0 else (1, n)
        kernel = prims.reshape(bell, shape=(*window, 1, 1))
        pads = padding_of(padding, y.shape[1:3], window, (1, 1), (1, 1), "smoothed")
        y = prims.conv(
            y, kernel, strides=(1, 1), padding=pads, dilation=(1, 1), groups=1
        )
    spatial = (height, width) if padding == "same" else y.shape[1:3]
    return prims.reshape(y, shape=(*x.shape[:-2], *spatial))


def _channels_before(x: Tensor, first: bool) -> Tensor:
    """Images with channels before height and width."""
    if first:
        return x
    return prims.transpose(
        x, perm=(*range(x.ndim - 3), x.ndim - 1, x.ndim - 3, x.ndim - 2)
    )


def _channels_after(x: Tensor, first: bool) -> Tensor:
    """The inverse of `_channels_before`."""
    if first:
        return x
    return prims.transpose(
        x, perm=(*range(x.ndim - 3), x.ndim - 2, x.ndim - 1, x.ndim - 3)
    )


@op
def gaussian_blur(
    images: ArrayLike,
    kernel_size: Sizes = (3, 3),
    sigma: ArrayLike = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Images smoothed by a Gaussian; beyond the border they count as 0.

    Args:
        images: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height.
        kernel_size: Height and width of the window.
        sigma: Standard deviations along height and width, in pixels.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the shape and dtype of the images; integers are rounded.

    Raises:
        ShapeError: If the images have another rank, or `sigma` has not two numbers.
        ValueError: If the size is not two positive integers.

    Example:

    >>> x = keras.ops.image.pad_images(keras.ops.ones((1, 1, 1, 1)), 1, 1, 1, 1)
    >>> keras.ops.image.gaussian_blur(x)[0, :, :, 0].tolist()
    [[0.0751, 0.1238, 0.0751], [0.1238, 0.2042, 0.1238], [0.0751, 0.1238, 0.0751]]
    """
    size = pair(kernel_size, "gaussian_blur", "kernel_size")
    x, first = images_of(images, data_format, "gaussian_blur")
    y = cast_to(x, computing(x.dtype))
    spread = to_tensor(sigma, y.dtype)
    if spread.shape != (2,):
        raise ShapeError(
            f"gaussian_blur: sigma has shape {spread.shape}; expected (2,), for height and "
            "width."
        )
    y = smoothed(_channels_before(y, first), size, spread, "same")
    return back_to(_channels_after(y, first), x.dtype)


@op
def sobel_edges(images: ArrayLike, data_format: str | None = None) -> Tensor:
    """How steep images are along height and width, by Sobel's filter.

    Beyond the border images count as 0.

    Args:
        images: Tensor `(batch, height, width, channels)`, or with `channels_first`
            `(batch, channels, height, width)`; floats or signed integers.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the dtype of the images with one more axis of 2 at the end: the slopes
        along height and width.

    Raises:
        ShapeError: If there is no batch axis.
        ValueError: If the images are unsigned, as slopes can be negative.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(9.0), (1, 3, 3, 1))
    >>> keras.ops.image.sobel_edges(x)[0, 1, 1, 0].tolist()
    [24.0, 8.0]
    """
    x, first = images_of(images, data_format, "sobel_edges", ranks=(4,))
    if x.dtype.startswith("uint"):
        raise ValueError(
            f"sobel_edges: images are {x.dtype}, slopes can be negative; cast to a float or "
            "signed dtype first."
        )
    y = numeric(x)
    axes = plane(y, first)
    widths = tuple((1, 1) if a in axes else (0, 0) for a in range(y.ndim))
    padded = prims.pad(y, const(y, 0), widths=widths)
    slopes = []
    # Sobel's 3x3 kernel is separable: a difference along one axis, [1 2 1] along the
    # other.
    for steep, flat in (axes, axes[::-1]):
        rise = _rise(padded, steep, x.shape[steep])
        slope = _weighed(rise, flat, x.shape[flat])
        slopes.append(prims.reshape(slope, shape=(*x.shape, 1)))
    result = prims.concat(*slopes, axis=x.ndim)
    return boolean(result) if x.dtype == "bool" else result


def _rise(padded: Tensor, axis: int, n: int) -> Tensor:
    """The next element less the one before."""
    after, before = sub_slice(padded, axis, 2, n + 2), sub_slice(padded, axis, 0, n)
    return prims.sub(after, before)


def _weighed(padded: Tensor, axis: int, n: int) -> Tensor:
    """Each element twice, and both neighbours."""
    before, here, after = (sub_slice(padded, axis, i, i + n) for i in range(3))
    return prims.add(prims.add(before, after), prims.add(here, here))


@op
def ssim(
    image1: ArrayLike,
    image2: ArrayLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """The structural similarity of images, averaged over pixels and channels.

    With means `m`, variances `v` and the covariance `c` under a Gaussian window,
    `(2 m1 m2 + C1) (2 c + C2) / ((m1^2 + m2^2 + C1) (v1 + v2 + C2))`, where
    `C1 = (k1 max_val)^2` and `C2 = (k2 max_val)^2`. Equal images have 1.

    Args:
        image1: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height. Cast integers
            to floats first: the result has the dtype of `image1`.
        image2: Tensor of the same shape.
        max_val: Distance of the least and the greatest value images can have.
        filter_size: Height and width of the window, which lies within the images.
        filter_sigma: Standard deviation of the window, in pixels.
        k1: Steadies the quotient where means are small.
        k2: Steadies the quotient where variances are small.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch,)`, a scalar for one image, of the dtype of `image1`.

    Raises:
        ShapeError: If shapes differ, or the images are smaller than the window.

    Example:

    >>> x = keras.random.uniform((2, 16, 16, 3), seed=1)
    >>> keras.ops.image.ssim(x, x).tolist()
    [1.0, 1.0]

    Reference:
        Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment: From Error Visibility
        to Structural Similarity; 2004, eq. 13.
    """
    x1, first = images_of(image1, data_format, "ssim")
    x2, _ = images_of(image2, data_format, "ssim")
    size = pair((filter_size, filter_size), "ssim", "filter_size")
    _check_alike(x1, x2, first, size[0])
    wide = "float64" if "float64" in (x1.dtype, x2.dtype) else "float32"
    a, b = (_channels_before(cast_to(x, wide), first) for x in (x1, x2))
    sigma = to_tensor([filter_sigma, filter_sigma], wide)

    def mean(x: Tensor) -> Tensor:
        return smoothed(x, size, sigma, "valid")

    m1, m2 = mean(a), mean(b)
    m11, m22, m12 = prims.mul(m1, m1), prims.mul(m2, m2), prims.mul(m1, m2)
    squares = prims.add(m11, m22)
    spread = prims.add(mean(prims.mul(a, a)), mean(prims.mul(b, b)))
    # The variance of both together: E[a^2] + E[b^2] - E[a]^2 - E[b]^2.
    variances = prims.sub(spread, squares)
    covariance = prims.sub(mean(prims.mul(a, b)), m12)
    # Equation 13 of the paper; the two constants keep dark images from dividing by 0.
    c1, c2 = (const(m1, (k * max_val) ** 2) for k in (k1, k2))
    two = const(m1, 2)
    top = prims.mul(
        prims.add(prims.mul(two, m12), c1), prims.add(prims.mul(two, covariance), c2)
    )
    bottom = prims.mul(prims.add(squares, c1), prims.add(variances, c2))
    quotient = prims.div(top, bottom)
    axes = tuple(range(quotient.ndim - 3, quotient.ndim))
    total = prims.sum(quotient, axes=axes, keepdims=False)
    count = 1
    for axis in axes:
        count *= quotient.shape[axis]
    result = prims.div(total, const(total, count))
    return back_to(result, x1.dtype, round_first=False)


def _check_alike(x1: Tensor, x2: Tensor, first: bool, window: int) -> None:
    known = not unknown(*x1.shape, *x2.shape)
    if x1.ndim != x2.ndim or (known and x1.shape != x2.shape):
        raise ShapeError(
            f"ssim: images have shapes {x1.shape} and {x2.shape}; expected two equal shapes."
        )
    small = [
        x1.shape[a]
        for a in plane(x1, first)
        if x1.shape[a] < window and not unknown(x1.shape[a])
    ]
    if small:
        raise ShapeError(
            f"ssim: images of shape {x1.shape} are smaller than filter_size={window}; expected "
            "at least as many rows and columns."
        )
