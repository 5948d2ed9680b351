"""Calls of layers of numbers, categories and text, as plain values.

`tests/goldens/make_text.py` asks Keras on TensorFlow for the results, which is the only
backend on which all of them run.
"""

import random

WORDS = ["red", "green", "blue", "", "Zürich", "naïve", "red", "unknown"]
GRID = [["red", "green"], ["", "zz"], ["blue", "blue"]]
TEXTS = [
    "The cat sat. On the mat!",
    "the DOG sat",
    "",
    " \t ",
    "Zürich, naïve É — ça va?",
    "a-b_c'd e\x0bf\x0cg\u00a0h\u3000i\x85j\x1ck",
]
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
LONG = ["x" * n for n in (1, 3, 4, 7, 8, 15, 16, 17, 32, 33, 64, 65, 128, 129, 300)]


def case(layer, inputs, adapt=None, **args):
    return {"layer": layer, "args": args, "adapt": adapt, "inputs": inputs}


def lookups():
    for mode in MODES:
        idf = {"idf_weights": [0.5, 0.6, 0.7]} if mode == "tf_idf" else {}
        given = {"vocabulary": ["red", "green", "blue"], "output_mode": mode, **idf}
        for label, inputs in (("row", WORDS), ("grid", GRID), ("one", [["red"], ["q"]]),
                              ("single", ["red"]), ("scalar", "green")):  # fmt: skip
            yield f"{mode} {label}", case("StringLookup", inputs, **given)
        yield f"{mode} mask", case("StringLookup", GRID, mask_token="", **given)
        yield f"{mode} oov2", case("StringLookup", GRID, num_oov_indices=2, **given)
        if mode != "int":
            padded = {"max_tokens": 9, "pad_to_max_tokens": True}
            yield f"{mode} padded", case("StringLookup", GRID, **padded, **given)
        numbers = {**given, "vocabulary": [10, -7, 12]}
        yield f"{mode} integers", case("IntegerLookup", [[10, 12], [3, 10]], **numbers)
        yield (
            f"{mode} adapted",
            case(
                "StringLookup",
                GRID,
                [["red", "b"], ["red", "a"], ["red", "red"]],
                output_mode=mode,
            ),
        )
        yield f"{mode} adapted most", case(
            "StringLookup", GRID, ["b", "a", "a", "", "c", "c"], output_mode=mode,
            max_tokens=3, mask_token="",
        )  # fmt: skip
        yield (
            f"{mode} integers adapted",
            case(
                "IntegerLookup",
                [[5, 1], [2, 5]],
                [[3, 3, 5], [5, 7, 1]],
                output_mode=mode,
            ),
        )
    yield (
        "salt",
        case("StringLookup", WORDS, vocabulary=["red"], num_oov_indices=5, salt=7),
    )
    yield (
        "salts",
        case("StringLookup", WORDS, vocabulary=["red"], num_oov_indices=5, salt=[7, 8]),
    )
    yield "no oov", case("StringLookup", GRID, vocabulary=["red"], num_oov_indices=0)
    yield (
        "special in front",
        case("StringLookup", GRID, vocabulary=["", "[UNK]", "red"], mask_token=""),
    )
    yield (
        "mask inside",
        case("StringLookup", GRID, vocabulary=["red", ""], mask_token=""),
    )
    yield "weights of all", case(
        "StringLookup", GRID, vocabulary=["[UNK]", "red"], idf_weights=[9.0, 2.0],
        output_mode="tf_idf",
    )  # fmt: skip
    for mask in (None, ""):
        yield f"invert {mask!r}", case(
            "StringLookup", [[0, 1, 2, 7, -1]], vocabulary=["a", "b"], invert=True,
            mask_token=mask,
        )  # fmt: skip
    yield (
        "invert integers",
        case(
            "IntegerLookup",
            [[0, 1, 2, 7, -1]],
            vocabulary=[10, 20],
            invert=True,
            mask_token=0,
        ),
    )
    numbers = [[10, 5, 20, -1, 7, 8, 9, -2, -3]]
    yield (
        "modulo",
        case("IntegerLookup", numbers, vocabulary=[10, 20], num_oov_indices=3),
    )
    for salt in (None, 7, [1, 2]):
        yield f"farmhash {salt}", case(
            "IntegerLookup", numbers, vocabulary=[10, 20], num_oov_indices=3,
            oov_method="farmhash", salt=salt,
        )  # fmt: skip


def texts():
    for how in ("lower_and_strip_punctuation", "lower", "strip_punctuation", None):
        for split in ("whitespace", "character"):
            args = {"standardize": how, "split": split}
            yield f"text {how} {split}", case("TextVectorization", TEXTS, TEXTS, **args)
    for ngrams in (2, [1, 3], [2]):
        args = {"ngrams": ngrams if isinstance(ngrams, int) else tuple(ngrams)}
        yield f"ngrams {ngrams}", case("TextVectorization", TEXTS, TEXTS, **args)
    for mode in MODES[2:]:
        args = {"output_mode": mode, "max_tokens": 6}
        yield f"text {mode}", case("TextVectorization", TEXTS, TEXTS, **args)
        yield f"text {mode} padded", case(
            "TextVectorization", TEXTS, TEXTS[:1], output_mode=mode, max_tokens=20,
            pad_to_max_tokens=True,
        )  # fmt: skip
        yield f"text {mode} scalar", case("TextVectorization", TEXTS[0], TEXTS, **args)
    for width in (2, 9):
        args = {"output_sequence_length": width}
        yield f"width {width}", case("TextVectorization", TEXTS, TEXTS, **args)
        yield (
            f"width {width} scalar",
            case("TextVectorization", TEXTS[0], TEXTS, **args),
        )
        yield (
            f"width {width} tokens",
            case(
                "TextVectorization",
                GRID,
                split=None,
                vocabulary=["red", "blue"],
                **args,
            ),
        )
    column = [[t] for t in TEXTS]
    yield "column", case("TextVectorization", column, column)
    yield "most", case("TextVectorization", TEXTS, TEXTS, max_tokens=4)
    yield "text given", case("TextVectorization", TEXTS, vocabulary=["the", "sat"])
    yield "tokens ngrams", case("TextVectorization", GRID, GRID, split=None, ngrams=2)
    yield "two columns", case("TextVectorization", GRID, vocabulary=["red"])


def hashes():
    numbers = [[1, -5], [10**12, 0]]
    for salt in (None, 7, [133, 2**60 + 1]):
        yield (
            f"hash {salt}",
            case("Hashing", [LONG, LONG[::-1]], num_bins=10**9, salt=salt),
        )
        yield (
            f"hash integers {salt}",
            case("Hashing", numbers, num_bins=10**6, salt=salt),
        )
    yield "hash mask", case("Hashing", GRID, num_bins=5, mask_value="")
    yield "hash mask integers", case("Hashing", numbers, num_bins=9, mask_value=1)
    yield "hash int32", case("Hashing", GRID, num_bins=5, dtype="int32")
    for mode in ("one_hot", "multi_hot", "count"):
        yield f"hash {mode}", case("Hashing", GRID, num_bins=4, output_mode=mode)
        yield f"hash {mode} row", case("Hashing", WORDS, num_bins=4, output_mode=mode)
    for mode in ("int", "one_hot"):
        args = {"num_bins": 1000 if mode == "int" else 5, "output_mode": mode}
        yield f"cross {mode}", crossed([["a", "é", ""], [101, -2, 3]], **args)
        column = [[["a"], ["b"]], [[1], [2]], [["u"], ["v"]]]
        yield f"cross {mode} column", crossed(column, **args)
    yield "cross one", crossed([["a"]], num_bins=5)
    yield "cross floats", crossed([["a"], [1.5]], num_bins=5)
    yield "cross wide", crossed([[["a", "b"]], [[1, 2]]], num_bins=5)
    yield "cross shapes", crossed([["a", "b"], [[1], [2]]], num_bins=5)
    yield "no bins", case("Hashing", GRID, num_bins=0)
    yield "hash mode", case("Hashing", GRID, num_bins=3, output_mode="tf_idf")
    yield "hash float", case("Hashing", GRID, num_bins=3, dtype="float32")


def crossed(inputs, **args):
    return {**case("HashedCrossing", inputs, **args), "many": True}


def ranges():
    values = [[-1.5, 0.0, 0.5], [1.0, 99.0, 1e30]]
    for mode in ("int", "one_hot", "multi_hot", "count"):
        args = {"bin_boundaries": [0.0, 1.0, 2.5], "output_mode": mode}
        yield f"ranges {mode}", case("Discretization", values, **args)
        yield f"ranges {mode} row", case("Discretization", values[0], **args)
        yield f"ranges {mode} single", case("Discretization", values[:1], **args)
        column = [[0.0], [3.0]]
        yield f"ranges {mode} column", case("Discretization", column, **args)
    data = [[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0], [7.0, 8.0, -4.0, 2.0]]
    for count in (1, 2, 3, 4, 5):
        yield f"bins {count}", case("Discretization", data, data, num_bins=count)
    yield "bins ties", case("Discretization", data, [1.0] * 20 + [2.0], num_bins=5)
    for mode in ("one_hot", "multi_hot", "count"):
        args = {"num_tokens": 4, "output_mode": mode}
        for label, ids in (("grid", [[0, 1, 1], [3, 2, 0]]), ("column", [[3], [0]]),
                           ("row", [1, 3, 3]), ("single", [2])):  # fmt: skip
            yield f"categories {mode} {label}", case("CategoryEncoding", ids, **args)
    yield "categories none", case("CategoryEncoding", [[0]])
    yield (
        "categories mode",
        case("CategoryEncoding", [[0]], num_tokens=3, output_mode="int"),
    )


def drawn():
    """Arguments and texts by chance, the same in every run."""
    rng = random.Random(20)
    pieces = [
        "the",
        "The",
        "cat",
        "dog.",
        "é",
        "É",
        "日本",
        "x" * 9,
        "long" * 5,
        "y" * 40,
    ]
    pieces += ["a-b", "'s", "\u00a0", "\t", "", "!?", "naïve", "[UNK]", "1.5"]
    words = ["red", "green", "blue", "", "q", "r" * 20]
    for number in range(14):
        texts = [" ".join(rng.choices(pieces, k=rng.randrange(9))) for _ in range(5)]
        mode = rng.choice(["int", "int", "multi_hot", "count", "tf_idf"])
        args = {"output_mode": mode}
        args["standardize"] = rng.choice(
            ["lower_and_strip_punctuation", "lower", "strip_punctuation", None]
        )
        args["split"] = rng.choice(["whitespace", "whitespace", "character"])
        args["max_tokens"] = rng.choice([None, 3, 6, 50])
        if mode == "int":
            args["output_sequence_length"] = rng.choice([None, 1, 4])
        elif args["max_tokens"]:
            args["pad_to_max_tokens"] = rng.random() < 0.5
        if args["split"] == "whitespace":
            args["ngrams"] = rng.choice([None, None, 2, (1, 3)])
        asked = texts[::-1] * (40 if mode != "int" and number % 2 else 1)
        asked = [" ".join(asked)] if len(asked) > 5 else asked
        yield f"drawn text {number}", case("TextVectorization", asked, texts, **args)
    for number in range(10):
        learnt = [rng.choices(words, k=2) for _ in range(rng.randrange(2, 6))]
        args = {"output_mode": rng.choice(MODES), "mask_token": rng.choice([None, ""])}
        args["num_oov_indices"] = rng.choice([1, 1, 2, 3])
        args["max_tokens"] = rng.choice([None, None, 6, 8])
        if args["max_tokens"] and args["output_mode"] != "int":
            args["pad_to_max_tokens"] = rng.random() < 0.5
        asked = [rng.choices([*words, "zz"], k=3) for _ in range(2)]
        yield f"drawn lookup {number}", case("StringLookup", asked, learnt, **args)


CASES = {
    **dict(lookups()),
    **dict(texts()),
    **dict(hashes()),
    **dict(ranges()),
    **dict(drawn()),
}
