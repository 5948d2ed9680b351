"""A fuzzer for the readers of files, guided by coverage: needs `pip install atheris`.

    python -m tests.saving.fuzz_atheris KIND [-runs=1000000] [other flags of libFuzzer]

KIND is `config` or a kind of `fuzzing.TINY`, such as `.keras` or `.onnx`. It stops at the
first input that raises anything but a ValueError, and writes it to a file.
"""

import sys
import warnings

import pytest

atheris = pytest.importorskip("atheris")  # files under tests/ are collected

with atheris.instrument_imports(include=["minikeras"]):
    from tests.saving import fuzzing


def _changed(data):
    """A small file with the changes that the fuzzer's bytes describe."""
    provider = atheris.FuzzedDataProvider(data)
    whole = bytearray(fuzzing.TINY[KIND]())
    for _ in range(provider.ConsumeIntInRange(1, 8)):
        place = provider.ConsumeIntInRange(0, len(whole) - 1)
        piece = provider.ConsumeBytes(provider.ConsumeIntInRange(1, 16))
        whole[place : place + len(piece)] = piece
    return bytes(whole)


def _value(provider, depth=0):
    kinds = "nbifsldx" if depth < 3 else "nbifs"
    match kinds[provider.ConsumeIntInRange(0, len(kinds) - 1)]:
        case "n":
            return None
        case "b":
            return provider.ConsumeBool()
        case "i":
            return provider.ConsumeInt(8)
        case "f":
            return provider.ConsumeFloat()
        case "s":
            return provider.ConsumeUnicodeNoSurrogates(12)
        case "l":
            count = provider.ConsumeIntInRange(0, 3)
            return [_value(provider, depth + 1) for _ in range(count)]
        case "d":
            count = provider.ConsumeIntInRange(0, 3)
            return {provider.ConsumeUnicodeNoSurrogates(8): _value(provider, depth + 1)
                    for _ in range(count)}  # fmt: skip
    return {"class_name": provider.ConsumeUnicodeNoSurrogates(12),
            "config": _value(provider, depth + 1)}  # fmt: skip


def one_input(data):
    """What libFuzzer calls."""
    if KIND == "config":
        provider = atheris.FuzzedDataProvider(data)
        place = provider.ConsumeIntInRange(0, 10_000)
        fuzzing.read_config(fuzzing.with_tiny_value(place, _value(provider)))
    else:
        fuzzing.read(KIND, _changed(data))


if __name__ == "__main__":
    KIND = sys.argv.pop(1)
    warnings.simplefilter("ignore")
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
