"""More files that attack the reader: wide ones, and small ones that ask for much work."""

import io
import json
import struct
import zipfile

import h5py
import numpy as np

from tests.saving import hostile, hostile_calls


def _layer(name, config=None, **more):
    return {"module": "keras.layers", "class_name": name, "registered_name": None,
            "config": config or {}, **more}  # fmt: skip


def _with_layers(folder, layers):
    return hostile._with_config(folder, lambda c: c["config"]["layers"].extend(layers))


def many_layers(folder):
    """Twenty thousand layers that do nothing."""
    return _with_layers(folder, [_layer("ReLU")] * 20_000)


def many_layers_with_variables(folder):
    """Layers with variables that the file has no arrays for."""
    return _with_layers(folder, [_layer("Dense", {"units": 1})] * 1_500)


def many_layers_in_layers(folder):
    """As many, in layers that stand in no list."""
    wrapped = _layer("TimeDistributed", {"layer": _layer("Dropout", {"rate": 0.1})})
    return _with_layers(folder, [_layer("Reshape", {"target_shape": [2, 1]})]
                        + [wrapped] * 1_500)  # fmt: skip


def many_calls(folder):
    """A layer that is called a hundred thousand times."""
    start = hostile_calls._in_graph(
        "InputLayer", "i", [], batch_shape=[None, 3], dtype="float32"
    )
    calls = [hostile_calls._called("i")] * 100_000
    called = hostile_calls._in_graph("ReLU", "r", calls)
    return hostile_calls._functional(folder, [start, called])


def many_calls_of_a_model(folder):
    """A model of thirty layers that is called nine hundred times."""
    start = hostile_calls._in_graph(
        "InputLayer", "i", [], batch_shape=[None, 3], dtype="float32"
    )
    chain, last = [start], "i"
    for number in range(30):
        calls = [hostile_calls._called(last)]
        last = f"r{number}"
        chain.append(hostile_calls._in_graph("ReLU", last, calls))
    calls = [hostile_calls._called(n, k) for n, k in
             [("i", 0), *(("m", k) for k in range(900))]]  # fmt: skip
    inner = {"module": "keras", "class_name": "Functional", "registered_name": None,
             "name": "m", "inbound_nodes": calls,
             "config": {"name": "m", "layers": chain, "input_layers": [["i", 0, 0]],
                        "output_layers": [[last, 0, 0]]}}  # fmt: skip
    return hostile_calls._functional(folder, [start, inner])


def many_groups(folder):
    """Sixty thousand groups of nothing, which pack to little."""

    def grow(file, group):
        wide = file.create_group("wide")
        for number in range(60_000):
            wide.create_group(str(number))

    members = hostile._plain(folder)
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        grow(file, None)
    members["model.weights.h5"] = stream.getvalue()
    return hostile._packed(folder, members)


def _with_policies(folder, name, policies):
    dtype = {"module": "keras.dtype_policies", "class_name": "DTypePolicyMap",
             "config": {"default_policy": "float32", "policy_map": policies},
             "registered_name": None}  # fmt: skip
    return _with_layers(
        folder, [_layer("Dense", {"units": 1, "name": name, "dtype": dtype})]
    )


def pattern_of_patterns(folder):
    """A regular expression whose time doubles with each letter of a name."""
    return _with_policies(folder, "a" * 60, {".*(a+)+b": "float32"})


def pattern_of_many_repeats(folder):
    """One whose time is a high power of them."""
    return _with_policies(folder, "a" * 900, {"a*" * 9 + "b": "float32"})


def no_pattern(folder):
    """One that is none."""
    return _with_policies(folder, "a", {"(": "float32"})


def many_bins(folder):
    """A thousand million ranges to find."""
    return _with_layers(folder, [_layer("Discretization", {"num_bins": 10**9})])


def file_and_folder(folder):
    """A name that is both, among files that a layer reads."""
    words = _layer("StringLookup", {"name": "words"})
    path = _with_layers(folder, [words])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("assets/layers/string_lookup", b"x")
        archive.writestr("assets/layers/string_lookup/vocabulary.txt", b"x")
    return path


def many_files(folder):
    """Very many files, among those that a layer reads."""
    path = _with_layers(folder, [_layer("StringLookup", {"name": "words"})])
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(9_000):
            archive.writestr(f"assets/layers/string_lookup/{number}/x", b"x")
    return path


def _old(folder, metrics):
    path = folder / "hostile.h5"
    layers = [{"class_name": "Activation", "config": {
        "name": "a", "activation": "relu", "batch_input_shape": [None, 3]}}]  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
        )
        file.attrs["keras_version"] = "2.11.0"
        file.attrs["training_config"] = json.dumps(
            {"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": "mse",
             "metrics": metrics})  # fmt: skip
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([b"a"])
        weights.create_group("a").attrs["weight_names"] = np.array([], "S1")
    return path


def old_thresholds(folder):
    """A metric of the older format with a thousand million thresholds."""
    return _old(folder, [{"class_name": "AUC", "config": {"num_thresholds": 10**9}}])


def old_metrics(folder):
    """Many metrics there."""
    return _old(
        folder,
        [{"class_name": "Mean", "config": {"name": f"m{i}"}} for i in range(9_000)],
    )


def old_lists(folder):
    """A layer that is listed thousands of times, with one array as often."""
    path = _old(folder, [])
    with h5py.File(path, "r+") as file:
        weights = file["model_weights"]
        weights.attrs["layer_names"] = np.array([b"a"] * 7_000)
        weights["a"].attrs["weight_names"] = np.array([b"k"] * 7_000)
        weights["a"]["k"] = np.zeros(1, "f4")
    return path


def pickle_of_room(folder):
    """A pickle of ten bytes for which Python makes room of gigabytes."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    path = folder / "w.npz"
    with zipfile.ZipFile(path, "w") as archive:
        text = head.getvalue() + b"\x80\x02}r\xff\xff\xff\x0f."
        archive.writestr("layers/dense.npy", text)
    return path


def many_names(folder):
    """Two hundred thousand arrays of nothing."""
    names = {f"layers/dense/vars/{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
             for i in range(200_000)}  # fmt: skip
    head = json.dumps(names).encode()
    path = folder / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head)
    return path


def many_shards(folder):
    """An index of very many files."""
    path = folder / "w.weights.json"
    where = {f"/g{i}": f"{i}.weights.h5" for i in range(3_000)}
    path.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    for name in where.values():
        (folder / name).touch()
    return path


FILES = hostile.files_in(globals())
