"""Files that attack the reader; each function makes one and returns its path.

`python -m tests.saving.hostile` loads them all and prints for each what was raised, the
seconds it took, and by how many MiB the memory in use rose.
"""

import io
import json
import os
import pathlib
import pickle
import resource
import signal
import struct
import tempfile
import time
import warnings
import zipfile

import h5py
import numpy as np

import minikeras as keras
from minikeras import layers


def _plain(folder, name="plain.keras"):
    """A small model's file, as members."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="plain")
    model.save(folder / name)
    with zipfile.ZipFile(folder / name) as archive:
        return {n: archive.read(n) for n in archive.namelist()}


def _packed(folder, members, method=zipfile.ZIP_DEFLATED):
    path = folder / "hostile.keras"
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there already
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return path


def _with_config(folder, change):
    members = _plain(folder)
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config)
    return _packed(folder, members)


def _with_layer(folder, layer):
    def add(config):
        config["config"]["layers"].append(layer)

    return _with_config(folder, add)


def _function(module, name):
    return {"module": module, "class_name": "function", "config": name,
            "registered_name": name}  # fmt: skip


def _lambda(function, **more):
    return {"module": "keras.layers", "class_name": "Lambda", "registered_name": None,
            "config": {"name": "run", "function": function, **more}}  # fmt: skip


def _weights(folder, change):
    members = _plain(folder)
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        change(file, file["layers/dense/vars"])
    members["model.weights.h5"] = stream.getvalue()
    return _packed(folder, members, zipfile.ZIP_STORED)


# --- code in configs


def lambda_code_2024_3660(folder):
    """Code of a lambda."""
    code = {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None,
                                                   "closure": None}}  # fmt: skip
    return _with_layer(folder, _lambda(code))


def module_import_2025_1550(folder):
    """A module and a function of the standard library."""
    return _with_layer(folder, _lambda(_function("os", "system")))


def class_import_2025_1550(folder):
    """A class of the standard library in place of a layer."""
    return _with_layer(folder, {"module": "subprocess", "class_name": "Popen",
                                "config": {"args": ["touch", str(folder / "owned")]},
                                "registered_name": "Popen"})  # fmt: skip


def keras_function_2025_8747(folder):
    """A function of Keras that loads files from the network."""
    return _with_layer(
        folder, _lambda(_function("keras.utils", "get_file"), arguments={"origin": "x"})
    )


def load_data(folder):
    """A function of Keras that fetches a data set."""
    return _with_layer(folder, _lambda(_function("keras.datasets.mnist", "load_data")))


def own_function_in_lambda(folder):
    """A function of this package that is none of `ops`."""
    return _with_layer(folder, _lambda(_function("keras.losses", "mean_squared_error")))


def class_in_lambda(folder):
    """A class of this package as the function."""
    return _with_layer(folder, _lambda({"module": "keras.layers", "class_name": "Dense",
                                        "config": None, "registered_name": None}))  # fmt: skip


def enable_unsafe_2025_9906(folder):
    """The switch that turns the safe mode off, called by the config itself."""
    return _with_layer(
        folder, _lambda(_function("keras.config", "enable_unsafe_deserialization"))
    )


def torch_wrapper_2025_49655(folder):
    """A layer that unpickles a module of another framework."""
    return _with_layer(folder, {"module": "keras.layers", "class_name": "TorchModuleWrapper",
                                "config": {"module": {"class_name": "__bytes__", "config":
                                                      {"value": "gASVAAAA"}}},
                                "registered_name": None})  # fmt: skip


def saved_model_2026_1462(folder):
    """A layer that runs a TensorFlow program from a path."""
    return _with_layer(folder, {"module": "keras.layers", "class_name": "TFSMLayer",
                                "config": {"filepath": str(folder)},
                                "registered_name": None})  # fmt: skip


def vocabulary_path_2025_12058(folder):
    """A vocabulary that is the path of a file."""
    (folder / "secret.txt").write_text("secret\n")
    return _with_layer(folder, {"module": "keras.layers", "class_name": "StringLookup",
                                "config": {"name": "words",
                                           "vocabulary": str(folder / "secret.txt")},
                                "registered_name": None})  # fmt: skip


def legacy_lambda_2025_9905(folder):
    """Code of a lambda in the older format, which has no safe mode in Keras."""
    path = folder / "hostile.h5"
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "Lambda", "config": {
            "name": "run", "function_type": "lambda", "module": "builtins",
            "batch_input_shape": [None, 3], "function": ["4wAAAA==", None, None]}}]}}  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.11.0"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([b"run"])
        weights.create_group("run").attrs["weight_names"] = np.array([], "S1")
    return path


def npz_pickle(folder):
    """A pickle in the weights of early Keras 3."""

    class Run:
        def __reduce__(self):
            return os.system, (f"touch {folder / 'owned'}",)

    members = _plain(folder)
    del members["model.weights.h5"]
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("layers/dense.npy", head.getvalue() + pickle.dumps(Run()))
    members["model.weights.npz"] = inner.getvalue()
    return _packed(folder, members)


def whole_pickle(folder):
    """A pickle under the name of a model."""
    path = folder / "hostile.keras"
    path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    return path


# --- sizes


def zip_bomb(folder):
    """Weights that unpack a thousandfold."""
    members = _plain(folder)
    members["model.weights.h5"] = bytes(2**27)
    return _packed(folder, members)


def config_bomb(folder):
    """A config that unpacks to as much as is allowed, all of it brackets."""
    members = _plain(folder)
    members["config.json"] = b"[" + b"[]," * (20 * 2**20) + b"[]]"
    return _packed(folder, members)


def config_of_spaces(folder):
    """A config that unpacks to much of nothing."""
    members = _plain(folder)
    members["config.json"] = b" " * 2**27
    return _packed(folder, members)


def deep_json(folder):
    """Lists in lists."""
    members = _plain(folder)
    lists = b"[" * 10**5 + b"]" * 10**5
    members["config.json"] = b'{"class_name": "A", "config": ' + lists + b"}"
    return _packed(folder, members)


def deep_model(folder):
    """Models in models."""

    def nest(config):
        inner = config["config"]["layers"].pop()
        for i in range(60):
            inner = {"module": "keras", "class_name": "Sequential", "registered_name": None,
                     "config": {"name": f"s{i}", "layers": [inner]}}  # fmt: skip
        config["config"]["layers"].append(inner)

    return _with_config(folder, nest)


def units_2026_0897(folder):
    """A layer with more weights than any file has."""

    def grow(config):
        config["config"]["layers"][1]["config"]["units"] = 10**10

    return _with_config(folder, grow)


def shape_bomb_2026_0897(folder):
    """An array that claims a shape, and has no data."""

    def grow(file, group):
        del group["0"]
        group.create_dataset("0", shape=(10**6, 10**6), dtype="f4")

    return _weights(folder, grow)


def packed_shape_bomb(folder):
    """Arrays of zeros, packed a thousandfold."""

    def grow(file, group):
        del group["0"]
        group.create_dataset("0", shape=(4096, 2**16), dtype="f4", compression="gzip",
                             chunks=(64, 2**16), fillvalue=1.0)  # fmt: skip

    return _weights(folder, grow)


def text_bomb(folder):
    """Many texts that are the same long one."""

    def grow(file, group):
        del group["0"]
        kind = h5py.string_dtype()
        data = group.create_dataset("0", shape=(100_000,), dtype=kind)
        data[0] = "x" * 2**20

    return _weights(folder, grow)


def many_members(folder):
    """A zip of very many members."""
    return _packed(folder, [(f"assets/{i}", b"") for i in range(25_000)])


# --- names and links


def path_traversal_2025_12638(folder):
    """A member that would be written outside."""
    return _packed(folder, {**_plain(folder), "assets/../../owned": b"x"})


def absolute_path_2025_12060(folder):
    """A member with a path from the root."""
    return _packed(folder, {**_plain(folder), str(folder / "owned"): b"x"})


def backslashes(folder):
    """A member that leads outside on Windows."""
    return _packed(folder, {**_plain(folder), "assets\\..\\..\\owned": b"x"})


def long_name(folder):
    """A member's name of sixty thousand letters."""
    return _packed(folder, {**_plain(folder), "assets/" + "x" * 60_000: b"x"})


def name_twice(folder):
    """Two configs, of which readers may check one and use the other."""
    members = list(_plain(folder).items())
    return _packed(folder, [*members, ("config.json", b"{}")])


def zip_link(folder):
    """A member that is a link to a file of the system."""
    info = zipfile.ZipInfo("assets/link")
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return _packed(folder, [*_plain(folder).items(), (info, "/etc/passwd")])


def external_link_2026_1669(folder):
    """An array that lies in another file."""
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.ones((3, 2), "f4")

    def link(file, group):
        del group["0"]
        group["0"] = h5py.ExternalLink(str(folder / "other.h5"), "/secret")

    return _weights(folder, link)


def external_storage_2026_1669(folder):
    """An array whose data is any file of the system."""
    (folder / "secret.bin").write_bytes(bytes(24))

    def link(file, group):
        del group["0"]
        group.create_dataset("0", (3, 2), "f4",
                             external=[(str(folder / "secret.bin"), 0, 24)])  # fmt: skip

    return _weights(folder, link)


def virtual_dataset(folder):
    """An array put together from other files."""
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "secret", shape=(3, 2))

    def link(file, group):
        del group["0"]
        group.create_virtual_dataset("0", layout)

    return _weights(folder, link)


def soft_link(folder):
    """A link to another place in the file."""

    def link(file, group):
        del group["0"]
        group["0"] = h5py.SoftLink("/layers/dense/vars/1")

    return _weights(folder, link)


def link_cycle(folder):
    """A group that contains itself."""

    def link(file, group):
        group["again"] = file["layers"]

    return _weights(folder, link)


def deep_groups(folder):
    """Groups in groups."""

    def nest(file, group):
        for _ in range(500):
            group = group.create_group("g")

    return _weights(folder, nest)


# --- damage


def wrong_dtype(folder):
    """Text where numbers belong."""

    def change(file, group):
        del group["0"]
        group["0"] = np.full((3, 2), b"x")

    return _weights(folder, change)


def compound_dtype(folder):
    """Records where numbers belong."""

    def change(file, group):
        del group["0"]
        group["0"] = np.zeros((3, 2), [("a", "f4"), ("b", "i4")])

    return _weights(folder, change)


def huge_dtype_in_config(folder):
    """An array in the config whose dtype asks for gigabytes."""
    value = {"class_name": "__numpy__",
             "config": {"value": ["x"], "dtype": "<U1000000000"}}  # fmt: skip
    return _with_layer(folder, {"module": "keras.layers", "class_name": "ReLU",
                                "registered_name": None,
                                "config": {"name": "r", "max_value": value}})  # fmt: skip


def truncated(folder):
    """Half a file."""
    members = _plain(folder)
    path = _packed(folder, members, zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def truncated_weights(folder):
    """Half of the weights."""
    members = _plain(folder)
    data = members["model.weights.h5"]
    members["model.weights.h5"] = data[: len(data) // 2]
    return _packed(folder, members)


def flipped_bit(folder):
    """One bit of the weights."""
    path = _packed(folder, _plain(folder), zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[len(data) - 1500] ^= 16
    path.write_bytes(bytes(data))
    return path


def lying_sizes(folder):
    """A member that says it is smaller than it is."""
    path = _packed(folder, _plain(folder), zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(bytes(data))
    return path


def empty(folder):
    """Nothing."""
    path = folder / "hostile.keras"
    path.write_bytes(b"")
    return path


def no_model(folder):
    """A config of something that is no model."""

    def change(config):
        config.update(class_name="Zeros", module="keras.initializers", config={})

    return _with_config(folder, change)


def files_in(names):
    """The functions that make a file among the names of a module."""
    return {
        name: value
        for name, value in names.items()
        if callable(value) and getattr(value, "__module__", "") == names["__name__"]
        and name != "files_in" and not name.startswith("_")
    }  # fmt: skip


FILES = files_in(globals())


def all_files():
    """Those of all modules, by their names."""
    from tests.saving import hostile_calls, hostile_packed, hostile_wide

    others = hostile_calls, hostile_wide, hostile_packed
    return {**FILES, **{k: v for other in others for k, v in other.FILES.items()}}


_NOTHING = {"kinds": [], "text": "ended, or went on for a minute", "mebibytes": 0}


def _load(path):
    """What loading a file raises, with time and memory that it takes; for a child."""
    before, start = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        time.perf_counter(),
    )
    found = {"kinds": [], "text": ""}
    try:
        if path.name.startswith("w."):
            keras.Sequential([keras.Input((3,)), layers.Dense(2)]).load_weights(path)
        elif path.suffix == ".json":
            keras.models.model_from_json(path.read_text())
        else:
            keras.saving.load_model(path)
    except Exception as error:
        found["kinds"] = [kind.__name__ for kind in type(error).__mro__]
        found["text"] = str(error)
    rise = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {**found, "seconds": time.perf_counter() - start, "mebibytes": rise / 1024}


def _wait(child):
    """Wait for a process, which is ended if it goes on for ever."""
    until = time.monotonic() + 60
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)


def _main():
    results = {}
    for name, make in all_files().items():
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root, "inner")
            folder.mkdir()
            path = make(folder)
            answer = pathlib.Path(root, "answer")
            child = os.fork()
            if child == 0:  # each in a process of its own, to see its memory
                answer.write_text(json.dumps(_load(path)))
                os._exit(0)
            _wait(child)
            owned = any(pathlib.Path(root).rglob("owned"))
            found = json.loads(answer.read_text()) if answer.exists() else _NOTHING
            results[name] = {**found, "owned": owned}
    print(json.dumps(results))


if __name__ == "__main__":
    _main()
