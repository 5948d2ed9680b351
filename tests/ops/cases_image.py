"""Calls of `keras.ops.image`: rows of a table like that of the other ops."""

import numpy as np

from tests.ops.table import Case, F, Fixed, I

IMAGES: list[Case] = []


def case(name, *args, **kwargs):
    """Add a row; options of the row are told from the op's by an underscore before."""
    options = {k[1:]: kwargs.pop(k) for k in list(kwargs) if k.startswith("_")}
    number = sum(c.name == name for c in IMAGES)
    IMAGES.append(Case(name, args, kwargs, f"{name}-{number}", **options))


FIRST = {"data_format": "channels_first"}
# Sizes that another argument tells are known to us, and None to keras.
KNOWN = {"_symbolic": False}
PIXELS = I(2, 4, 5, 3, low=0, high=256, dtype="uint8")
IMAGE = F(2, 4, 5, 3)

for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
    for size in ((3, 7), (9, 4), (4, 5)):
        case("resize", IMAGE, size, interpolation=method)
        case("resize", IMAGE, size, interpolation=method, antialias=True)
    case("resize", PIXELS, (7, 3), interpolation=method)
    case("resize", I(4, 5, 3, low=-128, high=128, dtype="int8"), [7, 3], method)
    case("resize", F(2, 3, 4, 5), (3, 3), interpolation=method, **FIRST)
    case("resize", F(2, 4, 5, 3, dtype="float16"), (3, 7), method, _tol=1e-2)
case("resize", F(11, 13, 1), (4, 5), antialias=True)
for images in (IMAGE, F(9, 4, 1), PIXELS):
    for size in ((6, 6), (2, 5), (5, 2)):
        case("resize", images, size, crop_to_aspect_ratio=True)
        case("resize", images, size, pad_to_aspect_ratio=True, fill_value=7.5)
case("resize", F(2, 3, 9, 4), (3, 8), crop_to_aspect_ratio=True, **FIRST)
case("resize", F(3, 9, 4), (3, 8), pad_to_aspect_ratio=True, **FIRST)

BOX = (2, 6, 7, 3)
PAIR = Fixed([1.5, 0.7]), Fixed([0.2, -0.3])
for method in ("linear", "trilinear", "cubic", "lanczos3", "lanczos5"):
    for antialias in (True, False):
        case(
            "scale_and_translate", IMAGE, BOX, *PAIR, (1, 2), method, antialias, **KNOWN
        )
case(
    "scale_and_translate",
    IMAGE,
    (2, 6, 5, 3),
    Fixed([0.4]),
    Fixed([1.0]),
    (-3,),
    "cubic",
    **KNOWN,
)

MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
PLACES = F(2, 6, low=-9, high=12)
for order in (0, 1):
    for mode in MODES:
        case("map_coordinates", F(4, 5), PLACES, order, mode, 2.5, _symbolic=False)
        case(
            "map_coordinates", I(4, 5, low=0, high=200, dtype="uint8"), PLACES, order, mode,
            _symbolic=False,
        )  # fmt: skip
    case(
        "map_coordinates",
        F(3, 4, 2),
        F(3, 2, 5, low=-1, high=3),
        order,
        _symbolic=False,
    )
    case(
        "map_coordinates", F(4), Fixed([[-4.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.0, 8.3]]),
        order, "reflect", _symbolic=False, _grad=False,
    )  # fmt: skip

MAPS = Fixed(
    [[1, 0.1, 0.3, -0.1, 1, 0.2, 0, 0], [0.71, -0.29, 1.27, 0.41, 0.93, -1.18, 0, 0]]
)
for method in ("bilinear", "nearest"):
    for mode in MODES:
        case("affine_transform", IMAGE, MAPS, method, mode, 1.7, **KNOWN)
    case("affine_transform", PIXELS, MAPS, method, **KNOWN)
    case("affine_transform", F(2, 3, 4, 5), MAPS, method, **FIRST, **KNOWN)
    case(
        "affine_transform", F(4, 5, 3), Fixed([1, 0.1, 0.3, -0.1, 1, 0.2, 0, 0]), method
    )

START = Fixed([[[0, 0], [4, 0], [0, 3], [4, 3]], [[1, 0], [4, 1], [0, 3], [4, 2]]])
END = Fixed(
    [[[1, 0.5], [3, 0.2], [0.3, 3.2], [5, 2]], [[0, 0], [4, 0], [0, 3], [4, 3]]]
)
for method in ("bilinear", "nearest"):
    options = {"_tol": 1e-4, **KNOWN}
    case("perspective_transform", IMAGE, START, END, method, 0.7, **options)
    case("perspective_transform", PIXELS, START, END, method, **options)
    case("perspective_transform", F(2, 3, 4, 5), START, END, method, **FIRST, **options)

for values in ({"size": 2}, {"size": (2, 3), "strides": 1}, {"size": 3, "padding": "same"}, {
    "size": (2, 3), "strides": (1, 2), "padding": "same"}, {"size": 2, "dilation_rate": 2}, {
    "size": 2, "dilation_rate": (1, 2), "strides": 1, "padding": "same"}):  # fmt: skip
    case("extract_patches", F(2, 6, 7, 3), **values)
    case("extract_patches", F(2, 3, 6, 7), **values, **FIRST)
    case("extract_patches", I(6, 7, 3, low=0, high=256, dtype="uint8"), **values)
for values in ({"size": 2}, {"size": (2, 3, 1)}, {"size": (2, 3, 2), "strides": 1}, {
    "size": 2, "strides": (1, 2, 3), "padding": "same"}, {
    "size": 2, "dilation_rate": 2, "strides": 1}):  # fmt: skip
    case("extract_patches_3d", F(2, 4, 5, 6, 2), **values)
    case("extract_patches_3d", F(2, 2, 4, 5, 6), **values, **FIRST)
case("extract_patches_3d", F(4, 5, 6, 2), 2)
case("extract_patches", F(2, 4, 5, 6, 2), (2, 2, 2))

# keras on JAX blurs (width, channels) of channels last, and swaps the sizes of the window.
for size, sigma in ((3, 1.0), (5, 0.7)):
    case("gaussian_blur", F(2, 3, 6, 7), (size, size), (sigma, sigma), **FIRST)
case("gaussian_blur", F(3, 6, 7), (4, 4), (1.0, 1.0), **FIRST)
case("sobel_edges", IMAGE)
case("sobel_edges", F(2, 3, 4, 5), **FIRST)
case("sobel_edges", I(2, 4, 5, 3, dtype="int8"))
NOISY = F(2, 13, 14, 3, low=0, high=1), F(2, 13, 14, 3, low=0, high=1)
for values in (
    {},
    {"max_val": 2.0, "filter_size": 4},
    {"filter_sigma": 0.7, "k1": 0.1, "k2": 0.2},
):
    case("ssim", *NOISY, **values, _tol=1e-4)
case("ssim", F(3, 12, 13), F(3, 12, 13), filter_size=5, **FIRST, _tol=1e-4)

for dtype in ("float32", "float16"):
    colours = F(2, 4, 5, 3, low=0, high=1, dtype=dtype)
    for name in ("rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb"):
        case(name, colours, _tol=1e-5 if dtype == "float32" else 1e-2)
        case(name, F(3, 4, 5, low=0, high=1), **FIRST, **KNOWN)
case("rgb_to_grayscale", PIXELS)
case("rgb_to_grayscale", F(4, 5, 1))
case("hsv_to_rgb", F(4, 5, 3, low=-2, high=3))
case("rgb_to_hsv", Fixed(np.tile([0.0, 0.4, 1.0], (3, 1)).T[None]), _grad=False)

BORDER = {"left_padding": 0, "right_padding": 1}
case("pad_images", IMAGE, 1, 2, 0, 3)
case("pad_images", PIXELS, top_padding=1, target_height=8, **BORDER)
case("pad_images", F(3, 4, 5), bottom_padding=1, target_height=8, **BORDER, **FIRST)
CUT = {"left_cropping": 0, "right_cropping": 1}
case("crop_images", IMAGE, 1, 2, 0, 1)
case("crop_images", PIXELS, top_cropping=1, target_height=2, **CUT)
case("crop_images", F(3, 4, 5), bottom_cropping=1, target_height=2, **CUT, **FIRST)
