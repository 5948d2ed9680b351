"""Transformations with given parameters, for both libraries: name, arguments, how."""

import numpy as np

N, H, W = 3, 6, 8
SHAPE = (N, H, W, 3)


def pictures(channels=3, dtype="float32", size=(H, W), high=255.0):
    rng = np.random.default_rng(7)
    return rng.uniform(0, high, (N, *size, channels)).astype(dtype)


def column(*values):
    return np.array(values, "float32").reshape(-1, 1, 1, 1)


START = np.tile(np.array([[0, 0], [7, 0], [0, 5], [7, 5]], "float32"), (N, 1, 1))
END = START + np.linspace(-1.0, 1.0, N * 8).reshape(N, 4, 2).astype("float32")
YES = np.array([True, False, True])
MASK = np.zeros(SHAPE, bool)
MASK[0, 1:4, 2:6] = MASK[2, :2, :] = True
ANGLE = np.deg2rad(np.array([30.0, -75.0, 160.0]))


def turned():
    cos, sin = np.cos(ANGLE), np.sin(ANGLE)
    x = ((W - 1) - (cos * (W - 1) - sin * (H - 1))) / 2
    y = ((H - 1) - (sin * (W - 1) + cos * (H - 1))) / 2
    zero = np.zeros(N)
    rows = np.stack([cos, -sin, x, sin, cos, y, zero, zero], 1).astype("float32")
    return {
        "angle": np.rad2deg(ANGLE).astype("float32"),
        "rotation_matrix": rows,
        "image_height": H,
        "image_width": W,
        "batch_size": N,
    }


FLIPS = {"flips": column(1, 0, 1).astype(bool), "input_shape": SHAPE}
ZOOM = {
    "height_zoom": np.array([[1.3], [0.7], [1.0]], "float32"),
    "width_zoom": np.array([[0.8], [1.2], [1.5]], "float32"),
    "input_shape": SHAPE,
}
MOVES = {
    "translations": np.array([[1.5, -0.5], [-2.0, 1.25], [0.0, 3.0]], "float32"),
    "input_shape": SHAPE,
}
SHEAR = {
    "shear_factor": np.array([[0.3, 0.1], [-0.2, 0.0], [0.0, 0.4]], "float32"),
    "input_shape": SHAPE,
}
PERSPECTIVE = {
    "apply_perspective": YES,
    "start_points": START,
    "end_points": END,
    "input_shape": SHAPE,
}
SHARES = np.array([0.3, 1.0, 0.6], "float32")
ORDER = np.array([2, 0, 1])
WHERE = [
    ("RandomFlip", {"mode": "horizontal"}, FLIPS),
    ("RandomFlip", {"mode": "vertical"}, FLIPS),
    ("RandomFlip", {}, FLIPS),
    *[
        ("RandomRotation", {"factor": 0.5, "fill_mode": mode}, turned())
        for mode in ("reflect", "wrap", "constant", "nearest")
    ],
    ("RandomRotation", {"factor": 0.5, "interpolation": "nearest"}, turned()),
    (
        "RandomZoom",
        {"height_factor": 0.5, "fill_mode": "constant", "fill_value": 9.0},
        ZOOM,
    ),
    ("RandomZoom", {"height_factor": 0.5}, ZOOM),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5}, MOVES),
    ("RandomShear", {"x_factor": 0.5, "y_factor": 0.5}, SHEAR),
    ("RandomPerspective", {"factor": 1.0, "scale": 0.5}, PERSPECTIVE),
    ("RandomPerspective", {"factor": 1.0, "interpolation": "nearest"}, PERSPECTIVE),
]
VALUES = [
    ("RandomBrightness", {"factor": 0.5}, {"rgb_delta": column(50, -60, 0)}),
    ("RandomContrast", {"factor": 0.5}, {"contrast_factor": column(1.5, 0.2, 1)}),
    (
        "RandomHue",
        {"factor": 0.5},
        {"factor": np.array([0.1, -0.3, 0.5], "float32")},
    ),
    (
        "RandomSaturation",
        {"factor": 0.5},
        {"factor": np.array([0.2, 1.0, 0.7], "float32")},
    ),
    (
        "RandomSharpness",
        {"factor": 0.5},
        {"factor": np.array([0.0, 0.25, 1.0], "float32")},
    ),
    (
        "RandomPosterization",
        {"factor": 4},
        {"shift_factor": np.array([7, 3, 0], "uint8")},
    ),
    ("RandomColorDegeneration", {"factor": 0.5}, {"factor": column(0.5, 1, -0.5)}),
    ("RandomGrayscale", {"factor": 0.5}, column(1, 0, 1).astype(bool)),
    ("RandomInvert", {"factor": 1.0}, {"apply_inversion": YES}),
    (
        "Solarization",
        {"addition_factor": 0.5, "threshold_factor": 0.5},
        {"additions": column(30, 0, 10), "thresholds": column(128, 100, 0)},
    ),
    (
        "Solarization",
        {"addition_factor": 0.5, "value_range": (-300, 300)},
        {"additions": column(30, 0, 10), "thresholds": column(128, 100, 0)},
    ),
    ("AutoContrast", {}, None),
    ("AutoContrast", {"value_range": (-300, 300)}, None),
    ("Equalization", {}, None),
    (
        "RandomGaussianBlur",
        {"factor": 1.0, "kernel_size": 5},
        {
            "should_apply_blur": YES,
            "blur_factor": np.array([0.5, 0.9], "float32"),
        },
    ),
    (
        "RandomErasing",
        {"factor": 1.0},
        {"apply_erasing": YES, "batch_masks": MASK, "fill_value": np.float32(7)},
    ),
    ("MixUp", {}, {"mix_weight": SHARES, "permutation_order": ORDER}),
    (
        "CutMix",
        {},
        {
            "mix_weight": SHARES.reshape(-1, 1, 1, 1),
            "permutation_order": ORDER,
            "batch_masks": MASK,
        },
    ),
]
SIZES = [
    *[
        ("Resizing", {"height": 4, "width": 9, "interpolation": how}, (H, W))
        for how in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    ],
    ("Resizing", {"height": 4, "width": 9, "crop_to_aspect_ratio": True}, (H, W)),
    ("Resizing", {"height": 3, "width": 3, "antialias": True}, (H, W)),
    (
        "Resizing",
        {"height": 9, "width": 3, "pad_to_aspect_ratio": True, "fill_value": 5.0},
        (H, W),
    ),
    ("CenterCrop", {"height": 3, "width": 4}, {"input_shape": SHAPE}),
    ("CenterCrop", {"height": 3, "width": 3}, {"input_shape": SHAPE}),
    ("CenterCrop", {"height": 8, "width": 4}, {"input_shape": SHAPE}),
    ("RandomCrop", {"height": 3, "width": 4}, (1, 2)),
]
CASES = WHERE + VALUES + SIZES


def label(case):
    name, arguments, _ = case
    rest = "-".join(f"{v}" for v in arguments.values())
    return f"{name}-{rest}"
