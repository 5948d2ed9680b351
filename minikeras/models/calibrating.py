"""Quantization that looks at data: blocks of a model are gone through, one by one.

Each block is given what the blocks before it make of the data, rounded already, so that it
makes up for their errors too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import naming, ops
from minikeras.layers.core.quantized.grouped import Grouped
from minikeras.layers.core.quantized.quantizable import Quantizable
from minikeras.quantizers.calibrated import AWQConfig, GPTQConfig
from minikeras.quantizers.rounding import Rounded, Seen, awq, gptq, nearest

if TYPE_CHECKING:
    from minikeras.models.model import Model
    from minikeras.quantizers.configs import QuantizationConfig

Blocks = tuple[list[Any], list[Any]]
_AT_ONCE = 8  # samples that a block is given together


def blocks_of(model: Model, config: Any, label: str) -> Blocks:
    """The layers before the blocks, and the blocks.

    Raises:
        ValueError: If neither the config nor the model says them.
    """
    found = config.quantization_layer_structure
    if found is None:
        found = model.get_quantization_layer_structure(config.mode)
    names = ("pre_block_layers", "sequential_blocks")
    if not isinstance(found, dict) or any(
        not isinstance(found.get(name), (list, tuple)) for name in names
    ):
        raise ValueError(
            f"{label}.quantize: mode={config.mode!r} has to know the model's blocks; got "
            f"{naming.shown(found)}. Pass config.quantization_layer_structure, or override "
            "get_quantization_layer_structure: a dict with lists of layers under "
            "'pre_block_layers' and 'sequential_blocks'."
        )
    for part in (*found[names[0]], *found[names[1]]):
        if not callable(part):
            raise ValueError(
                f"{label}.quantize: {naming.shown(part)} is among the blocks; expected layers."
            )
    return list(found[names[0]]), list(found[names[1]])


def windows(config: Any, label: str) -> np.ndarray[Any, Any]:
    """Token numbers `(num_samples, sequence_length)` out of a config's data.

    All samples are joined; windows begin at places as far apart as they can be.

    Raises:
        ValueError: If there is no data, texts have no tokenizer, or tokens are no integers.
    """
    if config.dataset is None:
        raise ValueError(
            f"{label}.quantize: mode={config.mode!r} looks at data; got dataset=None in the "
            "config."
        )
    parts = [_tokens(sample, config, label) for sample in config.dataset]
    joined = np.concatenate(parts) if parts else np.zeros(0, "int32")
    if not joined.size:
        raise ValueError(f"{label}.quantize: the config's dataset has no tokens.")
    length = config.sequence_length
    joined = np.resize(joined, max(length, joined.size))  # short data is gone round
    starts = np.linspace(0, joined.size - length, config.num_samples).astype(int)
    return np.stack([joined[at : at + length] for at in np.unique(starts)])


def _tokens(sample: Any, config: Any, label: str) -> np.ndarray[Any, Any]:
    if isinstance(sample, (str, bytes)):
        tokenizer = config.tokenizer
        make = getattr(tokenizer, "tokenize", tokenizer)
        if not callable(make):
            raise ValueError(
                f"{label}.quantize: the dataset holds texts, and the config's tokenizer is "
                f"{naming.shown(tokenizer)}; expected a function of a text, or an object "
                "with tokenize()."
            )
        sample = make(sample)
    numbers = np.asarray(sample)
    if numbers.dtype.kind not in "iu":
        raise ValueError(
            f"{label}.quantize: a sample of the dataset has dtype {numbers.dtype}; expected "
            "texts or integers, the numbers of tokens."
        )
    made = numbers.reshape(-1).astype("int32")
    if (made != numbers.reshape(-1)).any():
        raise ValueError(
            f"{label}.quantize: a sample of the dataset has tokens up to {numbers.max()}; "
            "expected numbers that int32 holds."
        )
    return made


def quantize_blocks(
    blocks: Blocks,
    tokens: np.ndarray[Any, Any],
    config: QuantizationConfig,
    layers: list[Quantizable],
) -> None:
    """Quantizes the layers that are in the blocks, all or none.

    While the data goes through, weights are floats that hold what they will be rounded to.
    """
    first, rest = blocks
    data = [
        _through(first, ops.convert_to_tensor(tokens[at : at + _AT_ONCE]))
        for at in range(0, len(tokens), _AT_ONCE)
    ]
    found: dict[Quantizable, tuple[Grouped, Rounded]] = {}
    before: dict[Quantizable, np.ndarray[Any, Any]] = {}
    try:
        for block in rest:
            inside = {id(part) for part in parts_of(block)}
            own = [one for one in layers if id(one) in inside and one not in found]
            with ExitStack() as stack:
                seen = [stack.enter_context(_watched(one, config)) for one in own]
                outputs = [_through([block], part) for part in data]
            for layer, (_, sums) in zip(own, seen, strict=True):
                _check_finite(layer, sums)
            for layer, (storage, sums) in zip(own, seen, strict=True):
                weight = layer._variable(layer._adapted)
                floats = weight.numpy()
                rounded = _rounded(
                    floats.reshape(storage.matrix), sums, storage, config
                )
                found[layer], before[layer] = (storage, rounded), floats
                weight.assign(rounded.floats().reshape(floats.shape))
            data = [_through([block], part) for part in data] if own else outputs
    finally:
        for layer, floats in reversed(before.items()):  # layers may share a variable
            layer._variable(layer._adapted).assign(floats)
    for layer, (storage, rounded) in found.items():
        layer._quantize(config, storage=storage, values=storage.kept(rounded))


def _check_finite(layer: Quantizable, seen: Seen | None) -> None:
    if seen is not None and not np.isfinite(seen.hessian).all():
        raise ValueError(
            f"{layer._label()}: the config's dataset gave it inputs that are not finite, which "
            "tell nothing of how to round. Look for tokens that the vocabulary does not have, "
            "and for sums that are too large in float16."
        )


def parts_of(block: Any) -> list[Any]:
    """The layers of a block, itself too."""
    flatten = getattr(block, "_flatten_layers", None)
    return [] if flatten is None else flatten()


def _through(layers: list[Any], x: Any) -> Any:
    for layer in layers:
        x = layer(x)
        if isinstance(x, (list, tuple)):  # blocks that give more than what goes on
            x = x[0]
    return x


@contextmanager
def _watched(
    layer: Quantizable, config: QuantizationConfig
) -> Iterator[tuple[Grouped, Seen | None]]:
    """How a layer's weight will lie, and the sums over what it is called with."""
    storage = layer._groups(layer._variable(layer._adapted).shape, config.mode, config)
    if not storage.is_product:  # Keras cuts the weight so that data tells nothing of it
        yield storage, None
        return
    seen, call, contraction = Seen(storage.matrix[0]), layer.call, layer._contraction()

    def watch(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        rows = np.asarray(inputs)
        summed = contraction.summed(rows.ndim)
        last = np.moveaxis(rows, summed, range(-len(summed), 0))
        seen.add(last.reshape(-1, storage.matrix[0]))
        return call(inputs, *args, **kwargs)

    before = {k: v for k, v in layer.__dict__.items() if k == "call"}
    layer.__dict__["call"] = watch
    try:
        yield storage, seen
    finally:
        del layer.__dict__["call"]
        layer.__dict__.update(before)


def _rounded(
    matrix: np.ndarray[Any, Any],
    seen: Seen | None,
    storage: Grouped,
    config: QuantizationConfig,
) -> Rounded:
    if seen is None or not seen.rows:
        return nearest(matrix, storage.grid)
    if isinstance(config, GPTQConfig):
        damping, by_size = config.hessian_damping, config.activation_order
        return gptq(matrix, seen, storage.grid, damping, by_size)
    if isinstance(config, AWQConfig):
        return awq(matrix, seen, storage.grid, config.num_grid_points)
    raise TypeError(f"expected a GPTQConfig or an AWQConfig; got {config!r}")
