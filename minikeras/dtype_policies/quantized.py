"""Policies that say a layer's weights are quantized.

Layers with weights that can be are built and compute so, see `keras.quantizers`. Policies of
GPTQ and AWQ only describe: tools read bits and group sizes from them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from minikeras.dtype_policies.policy import DTypePolicy

MODES = ("int8", "float8", "int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """Weights quantized by `mode`, everything else as a policy without quantization.

    Args:
        mode: `"int8"`, `"float8"`, `"int4"`, `"gptq"` or `"awq"`.
        source_name: The other policy's name, e.g. `"mixed_bfloat16"`; None is the name of
            the global policy.

    Raises:
        ValueError: If the mode is unknown, or is int8 with computations in float16.
        TypeError: If a name is no string.

    >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
    >>> policy.name, policy.quantization_mode, policy.compute_dtype
    ('int8_from_mixed_bfloat16', 'int8', 'bfloat16')
    """

    _format: ClassVar[str] = "<mode>"

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        if source_name is None:
            # Looked up late: the global policy may be one of these.
            from minikeras.dtype_policies.finding import dtype_policy

            source_name = dtype_policy().name
        for label, value in (("mode", mode), ("source_name", source_name)):
            if not isinstance(value, str):
                raise TypeError(
                    f"{type(self).__name__}: {label}={value!r} of type "
                    f"{type(value).__name__}; expected a string."
                )
        self._mode, self._quantization_mode = mode, mode.split("/")[0]
        self._read(mode)
        super().__init__(source_name)
        self._source_name = self._name
        self._name = f"{mode}_from_{self._source_name}"
        if mode == "int8" and self._compute_dtype == "float16":
            raise ValueError(
                f"{type(self).__name__}: mode={mode!r} with source_name={source_name!r}, "
                "which computes in float16: scales of weights overflow there. Expected "
                "'mixed_bfloat16' or 'float32'."
            )

    def _read(self, mode: str) -> None:
        """Checks the mode, and keeps the numbers that are in it."""
        if mode not in MODES:
            raise self._wrong(mode, f"one of {', '.join(MODES)}")

    def _wrong(self, mode: str, expected: str) -> ValueError:
        return ValueError(f"{type(self).__name__}: mode={mode!r}; expected {expected}.")

    def _numbers(self, mode: str) -> list[int]:
        """The whole numbers behind the first part of a mode."""
        first, *rest = mode.split("/")
        wanted, *names = self._format.split("/")
        try:
            numbers = [int(part) for part in rest]
        except ValueError:
            numbers = []
        if first != wanted or len(numbers) != len(names):
            raise self._wrong(mode, f"{self._format!r} with whole numbers")
        if numbers[-1] < 1 and numbers[-1] != -1:
            raise self._wrong(
                mode, f"{names[-1]} to be positive, or -1 for all at once"
            )
        return numbers

    @property
    def quantization_mode(self) -> str | None:
        """How weights are quantized, without numbers: e.g. `"int4"`."""
        return self._quantization_mode

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"mode": self._mode, "source_name": self._source_name}


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """Products in float8, scaled by the largest values of the last steps.

    Args:
        mode: `"float8"`.
        source_name: As in `QuantizedDTypePolicy`.
        amax_history_length: How many steps are looked back on.

    Raises:
        TypeError: If `amax_history_length` is no integer.

    >>> QuantizedFloat8DTypePolicy("float8", "float32", 16).amax_history_length
    16
    """

    default_amax_history_length = 1024

    def __init__(
        self,
        mode: str,
        source_name: str | None = None,
        amax_history_length: int = default_amax_history_length,
    ) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(
                f"{type(self).__name__}: amax_history_length={amax_history_length!r}; "
                "expected an integer."
            )
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """How many steps are looked back on."""
        return self._amax_history_length

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "amax_history_length": self._amax_history_length,
        }


class Int4DTypePolicy(QuantizedDTypePolicy):
    """Weights in 4 bits, with one scale for each block of them.

    Args:
        mode: `"int4/BLOCK_SIZE"`; -1 is one scale for each output channel.
        source_name: As in `QuantizedDTypePolicy`.

    >>> Int4DTypePolicy("int4/128", "float32").block_size
    128
    """

    _format = "int4/<block_size>"

    def _read(self, mode: str) -> None:
        self.mode = "int4"
        (self.block_size,) = self._numbers(mode)


class GPTQDTypePolicy(QuantizedDTypePolicy):
    """Weights that GPTQ (Frantar et al., arXiv:2210.17323) quantized.

    Args:
        mode: `"gptq/WEIGHT_BITS/GROUP_SIZE"`: 2, 3, 4 or 8 bits; weights of a group have
            one scale, and -1 is one group for all.
        source_name: As in `QuantizedDTypePolicy`.

    >>> policy = GPTQDTypePolicy("gptq/4/128", "float32")
    >>> policy.weight_bits, policy.group_size
    (4, 128)
    """

    _format = "gptq/<weight_bits>/<group_size>"
    _bits: ClassVar[tuple[int, ...]] = (2, 3, 4, 8)

    def _read(self, mode: str) -> None:
        self.mode = self._format.split("/")[0]
        self.weight_bits, self.group_size = self._numbers(mode)
        if self.weight_bits not in self._bits:
            bits = ", ".join(map(str, self._bits))
            raise self._wrong(mode, f"<weight_bits> of {bits}")


class AWQDTypePolicy(GPTQDTypePolicy):
    """Weights that AWQ (Lin et al., arXiv:2306.00978) quantized.

    Args:
        mode: `"awq/4/GROUP_SIZE"`; -1 is one scale for each channel.
        source_name: As in `QuantizedDTypePolicy`.

    >>> AWQDTypePolicy("awq/4/-1", "float32").group_size
    -1
    """

    _format = "awq/<weight_bits>/<group_size>"
    _bits = (4,)


_WITH_NUMBERS: dict[str, type[QuantizedDTypePolicy]] = {
    "int4": Int4DTypePolicy,
    "gptq": GPTQDTypePolicy,
    "awq": AWQDTypePolicy,
}


def quantized_by_name(name: str) -> QuantizedDTypePolicy:
    """The policy of a name such as `"int8_from_float32"`."""
    mode, source_name = name.split("_from_", 1)
    first = mode.split("/")[0]
    cls: type[QuantizedDTypePolicy] = QuantizedDTypePolicy
    if first == "float8":
        cls = QuantizedFloat8DTypePolicy
    elif mode != "int4":  # which is the older form, with one scale for each channel
        cls = _WITH_NUMBERS.get(first, cls)
    return cls(mode, source_name)
