"""What Keras 2's preprocessing gives for small inputs; for tf_keras and for ours."""

import json
import os
import random
import tempfile

import numpy as np

TEXTS = [
    "The cat sat on the mat.",
    "The dog, the DOG & a cat!",
    ["a", "list", "of", "Words"],
    "",
    "unique",
]
TOKENIZERS = {
    "plain": {},
    "few": {"num_words": 4},
    "oov": {"oov_token": "?", "num_words": 5},
    "case": {"lower": False, "filters": ""},
    "characters": {"char_level": True},
}
# tf_keras shifts across by what is drawn for the height, and up by what is for the width.
SHIFTS = {
    "fractions": {"width_shift_range": 0.3, "height_shift_range": 0.2},
    "list": {"width_shift_range": [-2, 1, 3], "height_shift_range": 3},
    "others": {"rotation_range": 9, "width_shift_range": 1.5, "zoom_range": 0.1},
}
GENERATORS = {
    "rotation": {"rotation_range": 40},
    "shear": {"shear_range": 30.0, "fill_mode": "reflect"},
    "zoom": {"zoom_range": 0.4, "fill_mode": "wrap"},
    "zooms": {"zoom_range": [0.5, 0.8], "fill_mode": "constant", "cval": 7.0},
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "channels": {"channel_shift_range": 40.0},
    "brightness": {"brightness_range": (0.4, 1.6)},
    "rescale": {"rescale": 1 / 255, "preprocessing_function": lambda x: x + 1},
    "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "featurewise": {"featurewise_center": True, "featurewise_std_normalization": True},
    "whitened": {"zca_whitening": True, "featurewise_center": True},
    "first": {"rotation_range": 20, "data_format": "channels_first"},
    "all": {
        "rotation_range": 15, "shear_range": 10, "zoom_range": 0.2, "horizontal_flip": True,
        "channel_shift_range": 10, "brightness_range": (0.8, 1.2), "rescale": 0.1,
        "interpolation_order": 0,
    },
}  # fmt: skip
SERIES = {
    "plain": {"length": 3, "batch_size": 4},
    "strided": {"length": 4, "sampling_rate": 2, "stride": 3, "batch_size": 2},
    "part": {"length": 2, "start_index": 3, "end_index": 9, "batch_size": 3},
    "reverse": {"length": 3, "reverse": True},
    "shuffle": {"length": 3, "shuffle": True, "batch_size": 3},
}


def values(keras):
    """Name -> array."""
    found = {}
    _texts(keras.preprocessing.text, found)
    _sequences(keras.preprocessing.sequence, found)
    _transforms(keras.preprocessing.image, found)
    _arrays(keras.preprocessing.image, found)
    with tempfile.TemporaryDirectory() as folder:
        _files(keras.preprocessing.image, folder, found)
    return found


def _texts(text, found):
    for name, arguments in TOKENIZERS.items():
        tokenizer = text.Tokenizer(**arguments)
        tokenizer.fit_on_texts(TEXTS)
        again = text.tokenizer_from_json(tokenizer.to_json())
        for one, kind in ((tokenizer, "fitted"), (again, "loaded")):
            sequences = one.texts_to_sequences([*TEXTS, "a new cat"])
            found[f"sequences {name} {kind}"] = np.array(str(sequences))
            found[f"texts {name} {kind}"] = np.array(
                str(one.sequences_to_texts(sequences))
            )
            for mode in ("binary", "count", "freq", "tfidf"):
                found[f"{mode} {name} {kind}"] = one.texts_to_matrix(TEXTS[:2], mode)
        found[f"counts {name}"] = np.array(str(dict(tokenizer.word_counts)))
        config = tokenizer.get_config()
        for table in ("word_docs", "index_docs", "word_index", "index_word"):
            config[table] = sorted(json.loads(config[table]).items())
        found[f"json {name}"] = np.array(str(config))
    found["words"] = np.array(text.text_to_word_sequence(TEXTS[1], lower=False))
    found["hashed"] = np.array(text.hashing_trick(TEXTS[0], 20, hash_function="md5"))


def _sequences(sequence, found):
    found["table"] = sequence.make_sampling_table(20, 1e-3)
    numbers = [1, 4, 0, 2, 3, 3, 1]
    for name, arguments in {
        "plain": {"seed": 7},
        "narrow": {
            "window_size": 1,
            "negative_samples": 0.5,
            "categorical": True,
            "seed": 1,
        },
        "sampled": {"sampling_table": [0.6] * 5, "shuffle": False},
    }.items():
        random.seed(3)
        couples, labels = sequence.skipgrams(numbers, 5, **arguments)
        found[f"couples {name}"] = np.array(couples)
        found[f"labels {name}"] = np.array(labels)
    steps = np.arange(12)
    for name, arguments in SERIES.items():
        np.random.seed(1)  # noqa: NPY002
        made = sequence.TimeseriesGenerator(steps, steps * 10, **arguments)
        found[f"length {name}"] = np.array(len(made))
        for i in range(len(made)):
            x, y = made[i]
            found[f"windows {name} {i}"], found[f"targets {name} {i}"] = x, y
        if name != "shuffle":
            config = {k: v for k, v in made.get_config().items() if k != "data"}
            found[f"config {name}"] = np.array(str(sorted(config)))


def pixels(count=6, first=False):
    rng = np.random.default_rng(2)
    x = rng.integers(0, 256, (count, 8, 8, 3)).astype("float32")
    return x.transpose(0, 3, 1, 2) if first else x


def _transforms(image, found):
    x = pixels(1)[0]
    last = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    for name, arguments in {
        "theta": {"theta": 30},
        "shift": {"tx": 1.5, "ty": -2},
        "all": {"theta": -10, "tx": 1, "ty": 2, "shear": 5, "zx": 0.8, "zy": 1.2},
        "nothing": {},
    }.items():
        for fill in ("nearest", "constant", "reflect", "wrap"):
            found[f"affine {name} {fill}"] = image.apply_affine_transform(
                x, **arguments, **last, fill_mode=fill, cval=3
            )
    found["cubic"] = image.apply_affine_transform(x, theta=20, order=3, **last)
    found["channel shift"] = image.apply_channel_shift(x, 20.0, 2)
    for scale in (True, False):
        found[f"brightness {scale}"] = image.apply_brightness_shift(x, 1.3, scale)
        found[f"dark {scale}"] = image.apply_brightness_shift(x - 90, 0.6, scale)
    for name, arguments in SHIFTS.items():
        generator = image.ImageDataGenerator(**arguments)
        for i in range(3):
            drawn = generator.get_random_transform((20, 30, 3), seed=i)
            names = ("theta", "tx", "ty", "shear", "zx", "zy")
            found[f"shift {name} {i}"] = np.array([drawn[n] for n in names], float)
    np.random.seed(11)  # noqa: NPY002
    found["random rotation"] = image.random_rotation(x, 30, **last)
    found["random shear"] = image.random_shear(x, 20, **last)
    found["random zoom"] = image.random_zoom(x, (0.7, 1.1), **last)
    found["random channels"] = image.random_channel_shift(x, 30.0, 2)
    found["random brightness"] = image.random_brightness(x, (0.5, 1.5))


def _arrays(image, found):
    for name, arguments in GENERATORS.items():
        generator = image.ImageDataGenerator(**arguments)
        x = pixels(first=name == "first")
        if name in ("featurewise", "whitened"):
            x = x[:, :3, :2]
            generator.fit(x)
        for i in range(2):
            changed = generator.random_transform(x[0].copy(), seed=i)
            found[f"changed {name} {i}"] = changed
            found[f"standard {name} {i}"] = generator.standardize(x[i].copy())
        flow = generator.flow(x, np.arange(6), batch_size=4, seed=5)
        for i in range(3):
            batch, labels = next(flow)
            found[f"batch {name} {i}"], found[f"labels {name} {i}"] = batch, labels
        flow = generator.flow(x, np.arange(6), batch_size=4, seed=5, shuffle=False)
        found[f"by number {name}"] = flow[1][0]
    generator = image.ImageDataGenerator(validation_split=0.34)
    x, y = pixels(), np.array([0, 1, 0, 1, 0, 1])
    weights = np.arange(6.0)
    for subset in ("training", "validation"):
        flow = generator.flow(
            x, y, subset=subset, sample_weight=weights, batch_size=3, seed=2
        )
        found[f"length {subset}"] = np.array(len(flow))
        for part, value in zip("xyw", next(flow)):
            found[f"{subset} {part}"] = value
    (inputs, extra), _ = next(
        generator.flow((x, y * 3), y, batch_size=2, shuffle=False)
    )
    found["two inputs"], found["extra"] = inputs, extra


def pictures(folder):
    """Two classes of three pictures, one of them in a folder below."""
    from PIL import Image

    made = pixels(6).astype("uint8")
    for name in ("b", "a"):
        os.makedirs(f"{folder}/{name}/below")
    for i, x in enumerate(made):
        where = ("a/1", "a/2", "a/below/3", "b/1", "b/2", "b/below/3")[i]
        Image.fromarray(x).save(f"{folder}/{where}.png")
    with open(f"{folder}/a/note.txt", "w") as file:
        file.write("no picture")


def _files(image, folder, found):
    pictures(folder)
    generator = image.ImageDataGenerator(
        rotation_range=20, rescale=0.5, validation_split=0.34
    )
    plain = {"target_size": (7, 7), "batch_size": 4, "seed": 4}
    for name, arguments in {
        "plain": {},
        "in order": {"shuffle": False, "class_mode": "sparse"},
        "binary": {"class_mode": "binary", "color_mode": "grayscale"},
        "input": {"class_mode": "input", "color_mode": "rgba"},
        "none": {"class_mode": None, "interpolation": "bilinear"},
        "classes": {"classes": ["b"], "keep_aspect_ratio": True},
        "training": {"subset": "training"},
        "validation": {"subset": "validation"},
    }.items():
        flow = generator.flow_from_directory(folder, **{**plain, **arguments})
        found[f"files {name}"] = np.array(flow.filenames)
        found[f"class numbers {name}"] = np.array(flow.classes)
        found[f"class names {name}"] = np.array(str(flow.class_indices))
        _batches(found, f"folder {name}", flow)
    _frames(generator, folder, plain, found)


def _batches(found, name, flow):
    found[f"{name} length"] = np.array([len(flow), flow.n, flow.samples])
    for i in range(2):
        batch = next(flow)
        batch = batch if isinstance(batch, tuple) else (batch,)
        for j, part in enumerate(batch):
            for k, array in enumerate(part if isinstance(part, list) else [part]):
                found[f"{name} {i} {j} {k}"] = array


def _frames(generator, folder, plain, found):
    try:
        import pandas as pd
    except ImportError:
        return
    names = [
        "a/1.png",
        "b/1.png",
        "a/2.png",
        "missing.png",
        "b/below/3.png",
        "a/note.txt",
    ]
    frame = pd.DataFrame(
        {
            "filename": names,
            "class": list("xyxyzx"),
            "two": [["x"], ["y", "x"], ["x"], ["y"], ["z"], ["x"]],
            "age": np.arange(6.0),
            "size": np.arange(6) * 2,
            "weight": np.linspace(0, 1, 6),
        }
    )
    for name, arguments in {
        "plain": {},
        "sparse": {"class_mode": "sparse", "weight_col": "weight"},
        "several": {"y_col": "two"},
        "raw": {"y_col": "age", "class_mode": "raw"},
        "raw two": {"y_col": ["age", "size"], "class_mode": "raw"},
        "outputs": {"y_col": ["age", "size"], "class_mode": "multi_output"},
        "classes": {"classes": ["z", "x"]},
        "input": {"class_mode": "input"},
        "none": {"class_mode": None},
        "training": {"subset": "training"},
        "validation": {"subset": "validation"},
    }.items():
        flow = generator.flow_from_dataframe(frame, folder, **{**plain, **arguments})
        found[f"frame files {name}"] = np.array(flow.filenames)
        found[f"frame classes {name}"] = np.array(
            str(getattr(flow, "class_indices", {}))
        )
        _batches(found, f"frame {name}", flow)
