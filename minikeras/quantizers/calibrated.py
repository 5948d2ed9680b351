"""Configs of the methods that look at data before they round weights."""

from __future__ import annotations

import copy
from typing import Any, Self

from minikeras import naming
from minikeras.quantizers.configs import QuantizationConfig

_ONCE = ("dataset", "tokenizer", "quantization_layer_structure")


class _Calibrated(QuantizationConfig):
    """What the methods share: data, and weights in groups."""

    def __init__(
        self,
        bits: tuple[int, ...],
        dataset: object,
        tokenizer: object,
        *,
        weight_bits: int,
        num_samples: int,
        sequence_length: int,
        group_size: int,
        quantization_layer_structure: dict[str, Any] | None,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.tokenizer = tokenizer
        self.weight_bits = weight_bits
        self.num_samples = num_samples
        self.sequence_length = sequence_length
        self.group_size = group_size
        self.quantization_layer_structure = quantization_layer_structure
        owner = type(self).__name__
        if self.weight_bits not in bits:
            allowed = ", ".join(map(str, bits))
            raise ValueError(
                f"{owner}: weight_bits={naming.shown(self.weight_bits)}; expected {allowed}."
            )
        self._check_positive("num_samples", "sequence_length")
        if self.group_size < -1 or not self.group_size:
            raise ValueError(
                f"{owner}: group_size={self.group_size!r}; expected a positive integer, or "
                "-1 for one group."
            )

    def _check_positive(self, *labels: str) -> None:
        for label in labels:
            if getattr(self, label) <= 0:
                raise ValueError(
                    f"{type(self).__name__}: {label}={getattr(self, label)!r}; expected a "
                    "positive integer."
                )

    def dtype_policy_string(self) -> str:
        """`"MODE/BITS/GROUP_SIZE"`."""
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; data, tokenizer and layers are left out."""
        kept = {k: v for k, v in vars(self).items() if not k.endswith("_quantizer")}
        return {**kept, **dict.fromkeys(_ONCE)}

    def _without_data(self) -> Self:
        """The same without what is of use only once: layers that keep it are copied alone."""
        made = copy.copy(self)
        vars(made).update(dict.fromkeys(_ONCE))
        return made

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The config that `get_config` described, without data."""
        return cls(**config)


class GPTQConfig(_Calibrated):
    """Weights rounded one after the other, each making up for the errors before it.

    Args:
        dataset: Samples: texts, or arrays of token numbers.
        tokenizer: Turns texts into token numbers.
        weight_bits: 2, 3, 4 or 8.
        num_samples: How many samples are looked at.
        per_channel: Whether each output has a scale of its own.
        sequence_length: How many tokens of a sample are looked at.
        hessian_damping: Share of the mean of the Hessian's diagonal that is added to it.
        group_size: How many weights of an output share a scale; -1 is all.
        symmetric: Whether the zero lies in the middle of the range.
        activation_order: Whether weights of large inputs are rounded first.
        quantization_layer_structure: Dict with `"pre_block_layers"` and
            `"sequential_blocks"`: the layers before the blocks, and the blocks in order.

    Raises:
        ValueError: If a number is out of its range.

    Example:

    >>> keras.quantizers.GPTQConfig(["a text"], None).dtype_policy_string()
    'gptq/4/128'

    Reference:
        Frantar et al., 2022, https://arxiv.org/abs/2210.17323.
    """

    def __init__(
        self,
        dataset: object,
        tokenizer: object,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            (2, 3, 4, 8),
            dataset,
            tokenizer,
            weight_bits=weight_bits,
            num_samples=num_samples,
            sequence_length=sequence_length,
            group_size=group_size,
            quantization_layer_structure=quantization_layer_structure,
        )
        self.per_channel = per_channel
        self.hessian_damping = hessian_damping
        self.symmetric = symmetric
        self.activation_order = activation_order
        if not 0 <= hessian_damping <= 1:
            raise ValueError(
                f"GPTQConfig: hessian_damping={hessian_damping!r}; expected 0 to 1."
            )

    @property
    def mode(self) -> str:
        """`"gptq"`."""
        return "gptq"


class AWQConfig(_Calibrated):
    """Weights of large inputs made larger before rounding, so that they lose less.

    Args:
        dataset: Samples: texts, or arrays of token numbers.
        tokenizer: Turns texts into token numbers.
        weight_bits: 4.
        num_samples: How many samples are looked at.
        sequence_length: How many tokens of a sample are looked at.
        group_size: How many weights of an output share a scale; -1 is all.
        num_grid_points: How many powers of the inputs' size are tried.
        quantization_layer_structure: As in `GPTQConfig`.

    Raises:
        ValueError: If a number is out of its range.

    Example:

    >>> keras.quantizers.AWQConfig(["a text"], None, group_size=-1).dtype_policy_string()
    'awq/4/-1'

    Reference:
        Lin et al., 2023, https://arxiv.org/abs/2306.00978.
    """

    def __init__(
        self,
        dataset: object,
        tokenizer: object,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            (4,),
            dataset,
            tokenizer,
            weight_bits=weight_bits,
            num_samples=num_samples,
            sequence_length=sequence_length,
            group_size=group_size,
            quantization_layer_structure=quantization_layer_structure,
        )
        self.num_grid_points = num_grid_points
        self._check_positive("num_grid_points")

    @property
    def mode(self) -> str:
        """`"awq"`."""
        return "awq"
