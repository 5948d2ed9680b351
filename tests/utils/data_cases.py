"""What the data utilities give for small inputs; for Keras and for ours."""

import os
import tempfile
import wave

import numpy as np

SERIES = np.arange(12)
TIMESERIES = {
    "plain": {"sequence_length": 3, "batch_size": 4},
    "stride": {"sequence_length": 3, "sequence_stride": 2, "batch_size": 4},
    "rate": {"sequence_length": 3, "sampling_rate": 2, "batch_size": 3},
    "both": {"sequence_length": 3, "sampling_rate": 2, "sequence_stride": 3, "batch_size": 2},
    "part": {"sequence_length": 2, "start_index": 3, "end_index": 9, "batch_size": 4},
    "from": {"sequence_length": 2, "start_index": 3, "batch_size": 4},
    "to": {"sequence_length": 2, "end_index": 5, "batch_size": 4},
    "all": {"sequence_length": 12},
}  # fmt: skip
INTERPOLATIONS = (
    "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian",
    "mitchellcubic",
)  # fmt: skip
SPLITS = (
    {"left_size": 0.7},
    {"right_size": 0.25},
    {"left_size": 0.5, "right_size": 0.2},
    {"left_size": 4, "right_size": 0.2},
)


def pictures(folder):
    """Two classes of four PNG files, one of them a grey one in a folder below."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("b", "a"):
        os.makedirs(f"{folder}/{name}/below")
        for number in (10, 2, 1):
            pixels = rng.integers(0, 255, (12, 10, 3), "uint8")
            Image.fromarray(pixels).save(f"{folder}/{name}/{number}.png")
        pixels = rng.integers(0, 255, (8, 10), "uint8")
        Image.fromarray(pixels).save(f"{folder}/{name}/below/z.png")
        with open(f"{folder}/{name}/note.md", "w") as file:
            file.write("no picture")
    os.makedirs(f"{folder}/.hidden")


def texts(folder):
    """Two classes of two texts."""
    for name in ("no", "yes"):
        os.makedirs(f"{folder}/{name}")
        for number in (1, 2):
            with open(f"{folder}/{name}/{number}.txt", "w") as file:
                file.write(f"{name} {number}\nline " * number)


def sounds(folder):
    """Two classes of two sounds of different lengths."""
    for i, name in enumerate(("high", "low")):
        os.makedirs(f"{folder}/{name}")
        for number in (1, 2):
            samples = 9000 * np.sin(np.arange(10 + 5 * number + i) * (0.5 + i))
            with wave.open(f"{folder}/{name}/{number}.wav", "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(samples.astype("<i2").tobytes())


def arrays(dataset):
    """All parts of all elements in a row."""
    found = []
    for element in dataset:
        parts = element if isinstance(element, tuple) else (element,)
        found += [
            np.asarray(getattr(part, "numpy", lambda p=part: p)()) for part in parts
        ]
    return found


def values(keras):
    """Name -> array."""
    found = {}

    def add(name, dataset):
        for i, array in enumerate(arrays(dataset)):
            if array.dtype.kind == "O":
                array = np.array(
                    [t.decode() if isinstance(t, bytes) else t for t in array.ravel()]
                ).reshape(array.shape)
            found[f"{name}/{i}"] = array

    for name, arguments in TIMESERIES.items():
        make = keras.utils.timeseries_dataset_from_array
        add(f"series {name}", make(SERIES, SERIES * 10, **arguments))
        add(f"windows {name}", make(SERIES, None, **arguments))
    for i, sizes in enumerate(SPLITS):
        for side, part in zip("lr", keras.utils.split_dataset(SERIES, **sizes)):
            add(f"split {i}{side}", part)
    with tempfile.TemporaryDirectory() as folder:
        _folders(keras, folder, add, found)
    _pillow(keras, found)
    return found


def _folders(keras, folder, add, found):
    for make in (pictures, texts, sounds):
        os.mkdir(f"{folder}/{make.__name__}")
        make(f"{folder}/{make.__name__}")
    images = keras.utils.image_dataset_from_directory

    def pictured(name, order=False, **arguments):
        plain = {
            "image_size": (5, 6),
            "batch_size": 3,
            "shuffle": False,
            "verbose": False,
        }
        made = images(f"{folder}/pictures", **{**plain, **arguments})
        made = made if isinstance(made, list | tuple) else [made]
        for i, part in enumerate(made):
            paths = [os.path.relpath(p, folder) for p in part.file_paths]
            found[f"paths {name}/{i}"] = np.array(paths)
            if not order:
                add(f"images {name}{i}", part)

    pictured("plain")
    for interpolation in INTERPOLATIONS:
        pictured(
            interpolation, interpolation=interpolation, labels=None, label_mode=None
        )
    for mode in ("grayscale", "rgba"):
        pictured(mode, color_mode=mode, label_mode="categorical")
    pictured("binary", label_mode="binary", class_names=["b", "a"])
    pictured("list", labels=[3, 1, 2, 0, 3, 1, 2, 0])
    pictured("crop", crop_to_aspect_ratio=True, image_size=(3, 5))
    pictured("pad", pad_to_aspect_ratio=True, image_size=(3, 5))
    pictured("first", data_format="channels_first")
    pictured("single", batch_size=None)
    split = {"validation_split": 0.3, "seed": 3, "shuffle": True}
    pictured("seed", order=True, seed=3, shuffle=True)
    for subset in ("training", "validation", "both"):
        pictured(subset, order=True, subset=subset, **split)
    pictured("held out", validation_split=0.4, subset="validation")
    plain = {"shuffle": False, "verbose": False}
    make = keras.utils.text_dataset_from_directory
    add("texts", make(f"{folder}/texts", **plain))
    add("short texts", make(f"{folder}/texts", max_length=5, batch_size=3, **plain))
    make = keras.utils.audio_dataset_from_directory
    add("sounds", make(f"{folder}/sounds", batch_size=3, **plain))
    add("long sounds", make(f"{folder}/sounds", output_sequence_length=18, **plain))


def _pillow(keras, found):
    rng = np.random.default_rng(1)
    utils = keras.utils
    pixels = rng.normal(size=(9, 7, 3))
    for name, arguments in {
        "plain": {},
        "unscaled": {"scale": False},
    }.items():
        image = utils.array_to_img(np.abs(pixels * 50), **arguments)
        found[f"to image {name}"] = np.asarray(image)
        found[f"to array {name}"] = utils.img_to_array(image)
    found["first"] = utils.img_to_array(image, data_format="channels_first")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/picture.png"
        utils.save_img(path, pixels)
        for mode in ("rgb", "rgba", "grayscale"):
            found[f"load {mode}"] = np.asarray(utils.load_img(path, color_mode=mode))
        for name, arguments in {
            "nearest": {},
            "bicubic": {"interpolation": "bicubic"},
            "ratio": {"keep_aspect_ratio": True, "interpolation": "bilinear"},
        }.items():
            loaded = utils.load_img(path, target_size=(4, 5), **arguments)
            found[f"load {name}"] = np.asarray(loaded)
    for size in ((4, 4), (3, 6), (12, 5)):
        for interpolation in INTERPOLATIONS[:6]:
            found[f"smart {size} {interpolation}"] = np.asarray(
                keras.preprocessing.image.smart_resize(
                    pixels.astype("float32"), size, interpolation
                )
            )
