"""Many files changed at random, by their numbers: any of them can be made again.

    python -m tests.saving.fuzz_many KIND COUNT [FIRST]

reads COUNT files of a kind (see `KINDS`) in processes that are replaced when they fall,
and prints the numbers of files that raised anything but a ValueError, crashed, took more
than `MOST_SECONDS` of CPU time or more than `MOST_MEBIBYTES` of memory.
"""

import functools
import io
import json
import mmap
import os
import pathlib
import random
import resource
import signal
import sys
import time
import traceback
import warnings
import zipfile

from minikeras import layers
from tests.saving import fuzzing

MOST_SECONDS, MOST_MEBIBYTES = 2, 300
_PROCESS = 20_000  # files that one process reads
_EDGES = (0, 1, 2, 7, 8, 127, 128, 255, 2**15 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31,
          2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip


def changed_bytes(rng, data):
    """One to six changes of the kinds that bits, disks and attackers make."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        size = len(data)
        if not size:
            break
        at = rng.randrange(size)
        match rng.randrange(8):
            case 0 | 1:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                data[at] = rng.randrange(256)
            case 3:
                width = rng.choice((1, 2, 4, 8))
                value = rng.choice(_EDGES) % 2 ** (8 * width)
                order = rng.choice(("little", "little", "big"))
                data[at : at + width] = value.to_bytes(width, order)
            case 4:
                del data[at : at + rng.choice((1, 2, 8, 64))]
            case 5:
                start = rng.randrange(size)
                piece = data[start : start + rng.choice((1, 4, 8, 16, 64))]
                data[at : at + len(piece)] = piece
            case 6:
                data[at:at] = rng.randbytes(rng.choice((1, 2, 8, 64)))
            case _:
                if rng.random() < 0.2:
                    del data[at:]
    return bytes(data)


def _changed_member(rng, whole):
    """A zip whose members are changed inside, with sums that are right again."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    name = rng.choice(sorted(members))
    members[name] = changed_bytes(rng, members[name])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def _value(rng, depth=0):
    """Any JSON, often such as configs hold."""
    match rng.randrange(12 if depth < 3 else 7):
        case 0:
            return None
        case 1:
            return rng.random() < 0.5
        case 2:
            return rng.choice((-1, 1)) * rng.choice(_EDGES)
        case 3:
            return rng.choice(
                (0.0, -0.5, 1.5, 1e308, -1e308, float("inf"), float("nan"))
            )
        case 4:
            return rng.choice(
                ("", "float16", "string", "same", "relu", "é" * 3, "a/b", "0")
            )
        case 5:
            return rng.choice(_names())
        case 6:
            return rng.randrange(9)
        case 7 | 8:
            return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
        case 9:
            keys = ("name", "units", "module", "class_name", "config", "shape", "dtype")
            return {
                rng.choice(keys): _value(rng, depth + 1)
                for _ in range(rng.randrange(4))
            }
    config = {"units": 2, "name": "n"} if rng.random() < 0.5 else _value(rng, depth + 1)
    return {"module": rng.choice(("keras.layers", "keras", "keras.ops", "builtins")),
            "class_name": rng.choice(_names()), "config": config,
            "registered_name": None}  # fmt: skip


@functools.cache
def _names():
    special = ("function", "__numpy__", "__tensor__", "__lambda__", "__keras_tensor__",
               "__slice__", "__bytes__", "Sequential", "Functional", "Adam", "Zeros",
               "matmul", "arange", "Arange", "Tile", "Pad")  # fmt: skip
    return (*special, *sorted(n for n in layers.__all__ if n[:1].isupper()))


def _read_member(data):
    return fuzzing.read(".keras", data)


def _config(rng):
    text = fuzzing.with_tiny_value(rng.randrange(10_000), _value(rng))
    if rng.random() < 0.1:
        return changed_bytes(rng, text.encode()).decode("utf-8", "replace")
    return text


def _onnx_graphs(rng):
    """A graph of a golden, with bytes or numbers in it that are changed."""
    import onnx

    path = rng.choice(_graphs())
    if rng.random() < 0.3:
        return changed_bytes(rng, path.read_bytes())
    model = onnx.load(path)
    for _ in range(rng.choice((1, 1, 2))):
        node = rng.choice(model.graph.node)
        numbers = [a for a in node.attribute if a.ints or a.type == a.INT]
        match rng.randrange(4):
            case 0 if numbers:
                attribute = rng.choice(numbers)
                value = rng.choice((-1, 1)) * (rng.choice(_EDGES) % 2**63)
                if attribute.ints:
                    attribute.ints[rng.randrange(len(attribute.ints))] = value
                else:
                    attribute.i = value
            case 1:
                node.op_type = rng.choice(model.graph.node).op_type
            case 2 if node.input:
                names = [n for other in model.graph.node for n in (*other.input, "")]
                node.input[rng.randrange(len(node.input))] = rng.choice(names)
            case _:
                if model.graph.initializer:
                    array = rng.choice(model.graph.initializer)
                    array.raw_data = changed_bytes(rng, array.raw_data)
    return model.SerializeToString()


@functools.cache
def _graphs():
    folder = pathlib.Path(__file__).parents[1] / "goldens" / "onnx"
    return sorted(p for p in folder.glob("*.onnx") if p.stat().st_size < 8_000)


def _of(kind):
    def make(rng):
        return changed_bytes(rng, fuzzing.TINY[kind]())

    return make, functools.partial(fuzzing.read, kind)


KINDS = {
    **{kind: _of(kind) for kind in fuzzing.TINY},
    "member": (
        lambda rng: _changed_member(rng, fuzzing.TINY[".keras"]()),
        _read_member,
    ),
    "npz member": (
        lambda rng: _changed_member(rng, fuzzing.TINY[".npz"]()),
        functools.partial(fuzzing.read, ".npz"),
    ),
    "config": (_config, fuzzing.read_config),
    "graph": (_onnx_graphs, functools.partial(fuzzing.read, ".onnx")),
}


def made(kind, number):
    """The file of this number."""
    return KINDS[kind][0](random.Random(f"{kind} {number}"))


def read(kind, number):
    """Read the file of this number; whether it was accepted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return KINDS[kind][1](made(kind, number))


def _work(kind, start, stop, note):
    """What a process does: the number it is at, then one that has failed, go into `note`."""
    read(kind, 0)  # what is imported and kept counts for nothing
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(start, stop):
        note[:8] = number.to_bytes(8, "little")
        begun = time.process_time()
        signal.alarm(60)  # waits forever: the process ends
        try:
            note[8:16] = (_count(note) + read(kind, number)).to_bytes(8, "little")
        except BaseException:
            _found(kind, number, traceback.format_exc(limit=-6))
        spent = time.process_time() - begun
        if spent > MOST_SECONDS:
            _found(kind, number, f"{spent:.1f} seconds")
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if now - highest > MOST_MEBIBYTES * 1024:
            _found(kind, number, f"{(now - highest) >> 10} MiB")
            os._exit(0)  # the next one starts where this one is
        highest = max(highest, now) if now - highest > 10_240 else highest


def _count(note):
    return int.from_bytes(note[8:16], "little")


def _found(kind, number, what):
    print(json.dumps({"kind": kind, "number": number, "found": what}), flush=True)


def main(kind, count, first=0):
    """Read `count` files; how many were accepted."""
    note = mmap.mmap(-1, 16)
    start, stop = first, first + count
    while start < stop:
        end = min(start + _PROCESS, stop)
        child = os.fork()
        if child == 0:
            _work(kind, start, end, note)
            note[:8] = end.to_bytes(8, "little")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        reached = int.from_bytes(note[:8], "little")
        if status:
            _found(kind, reached, f"the process ended with {status}")
        start = max(reached, start) if reached == end else reached + 1
        print(json.dumps({"kind": kind, "read": start - first, "accepted": _count(note)}),
              flush=True)  # fmt: skip
    return _count(note)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:]))
