"""Quantizable: base of the layers whose weights can be kept in few bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import naming, ops
from minikeras.dtype_policies import DTypePolicy, Int4DTypePolicy
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.quantizing import refuse_to_quantize
from minikeras.layers.core.quantized import float8
from minikeras.layers.core.quantized.files import CALIBRATED, QuantizedFiles
from minikeras.layers.core.quantized.grouped import Grouped
from minikeras.layers.core.quantized.products import Contraction, multiply
from minikeras.layers.core.quantized.stored import Stored, View
from minikeras.quantizers import (
    AbsMaxQuantizer,
    Int4QuantizationConfig,
    QuantizationConfig,
)
from minikeras.quantizers.configs import in_blocks
from minikeras.quantizers.finding import config_for
from minikeras.quantizers.rounding import Grid
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, PartialShape

_NO_LORA = "low-rank adaptation and mode={!r} exclude each other; adapt weights in int8 or int4."


def _calibrated(mode: str) -> Any:
    """Whether the weights are those of a mode: Keras's name, which tools set too."""

    def get(layer: Any) -> bool:
        return bool(layer._kept_as == mode)

    def put(layer: Any, value: bool) -> None:
        # Keras's layers can be half quantized, ours never.
        if bool(value) != get(layer):
            raise AttributeError(
                f"{layer._label()}: is_{mode}_calibrated={value!r}; quantize() sets it."
            )

    return property(get, put, doc=f"Whether the weights are those of {mode.upper()}.")


class Quantizable(QuantizedFiles):
    """Base of layers with a weight that `quantize` can turn into integers or float8.

    A class says which weights it has (`_views`), and what is multiplied with them
    (`_contraction`); how they are kept is told by `_stored` once they are quantized.
    """

    inputs_quantizer: Any = None

    # --- what a class says

    def _views(self, shape: tuple[int, ...]) -> dict[str, View]:
        """How the weights lie: the adapted one, of this shape, first."""
        raise NotImplementedError

    def _contraction(self) -> Contraction:
        """The product with the adapted weight."""
        raise NotImplementedError

    def _rounds_inputs(self) -> bool:
        """Whether there is a product, whose inputs may be rounded."""
        return True

    # --- making and building

    def _plan_quantization(self, config: object) -> None:
        if isinstance(config, dict):
            config = deserialize_keras_object(config)
        if config is not None and not isinstance(config, QuantizationConfig):
            raise ValueError(
                f"{self._label()}: quantization_config={naming.shown(config)}; expected a "
                "keras.quantizers.QuantizationConfig or None."
            )
        self.__dict__["quantization_config"] = config

    def _quantization_options(self) -> dict[str, Any]:
        config = self.quantization_config
        described = None if config is None else serialize_keras_object(config)
        return {"quantization_config": described}

    def _built_in_integers(self, shape: tuple[int, ...]) -> bool:
        """Builds what the policy asks for; whether the weights are integers then."""
        mode = self.quantization_mode
        if mode is None:
            return False
        self.quantized_build(shape, mode, self.quantization_config)
        return mode != "float8"

    def quantized_build(
        self,
        input_shape: PartialShape,
        mode: str,
        config: QuantizationConfig | None = None,
    ) -> None:
        """Makes the variables of a mode, for a weight that comes out of a file.

        Args:
            input_shape: Shape of the weight.
            mode: As in `quantize`.
            config: A `QuantizationConfig`, or None.

        Raises:
            NotImplementedError: If the layer does not know the mode.
        """
        self._check_mode(mode)
        if mode == "float8":
            policy: Any = self.dtype_policy
            float8.add_variables(self, policy.amax_history_length)
        else:
            self._plan_storage(tuple(input_shape), mode, config)  # type: ignore[arg-type]  # known by now
            for stored in self._stored.values():
                for part in stored.parts:
                    self._add_part(stored, part, stored.first(part))
        self.__dict__["_kept_as"] = mode

    def _plan_storage(
        self, shape: tuple[int, ...], mode: str, config: QuantizationConfig | None
    ) -> None:
        if mode in CALIBRATED:
            groups = self._groups(shape, mode, config)
            self.__dict__["_stored"] = {self._adapted: groups}
            return
        block = None
        if mode == "int4":
            policy: Any = self.dtype_policy
            given: Any = config if config is not None else policy
            own = config is not None or isinstance(policy, Int4DTypePolicy)
            block = given.block_size if own else None
        block = block if in_blocks(block) else None
        quantizer = QuantizationConfig.weight_quantizer_or_default(config, None)
        views = self._views(shape)
        first = next(iter(views))
        self.__dict__["_stored"] = {
            name: Stored(
                name,
                view,
                8 if mode == "int8" else 4,
                block,
                quantizer if name == first else None,
                "int8" if name == first else "float32",
            )
            for name, view in views.items()
        }
        if self._rounds_inputs():
            # As Keras: a table by a policy in 4 bits, without blocks, has one too.
            table = self._adapted == "embeddings" and block is None
            usual = AbsMaxQuantizer(axis=-1) if mode == "int8" or table else None
            self.inputs_quantizer = QuantizationConfig.activation_quantizer_or_default(
                config, usual
            )

    def _groups(
        self, shape: tuple[int, ...], mode: str, config: QuantizationConfig | None
    ) -> Grouped:
        """How the weight lies in the modes that look at data.

        Raises:
            NotImplementedError: If it has too many axes.
        """
        given: Any = self.dtype_policy if config is None else config
        grid = Grid(
            given.weight_bits,
            given.group_size,
            getattr(given, "symmetric", False),
            getattr(given, "per_channel", True),
        )
        if len(shape) not in (2, 3):
            raise NotImplementedError(
                f"{self._label()}: mode={mode!r} of a `{self._adapted}` of shape {shape}; "
                "expected 2 or 3 axes."
            )
        name = self._adapted
        return Grouped(name, self._views(shape)[name], grid, self._zero, mode == "awq")

    @property
    def _int4_block_size(self) -> int | None:
        """How many inputs share a scale, as asked for; Keras's name, which tools look up."""
        config = self.quantization_config
        if isinstance(config, Int4QuantizationConfig):
            return config.block_size
        return self._stored[self._adapted].block

    @property
    def quantized_kernel(self) -> Any:
        """The variable of the integers that GPTQ or AWQ made; Keras's name.

        Raises:
            AttributeError: If neither did.
        """
        if self._kept_as in CALIBRATED:
            return self._variable(self._adapted)
        raise AttributeError(f"{self._label()} has no `quantized_kernel`.")

    is_gptq_calibrated = _calibrated("gptq")
    is_awq_calibrated = _calibrated("awq")

    def _add_part(self, stored: Stored | Grouped, part: str, value: ArrayLike) -> None:
        shape, dtype = stored.parts[part]
        first: Any = np.asarray(value)
        made = self.add_weight(
            name=stored.names.get(part, part),
            shape=shape,
            initializer=first,
            dtype=self.variable_dtype if dtype is None else dtype,
            trainable=False,
        )
        setattr(self, self._attribute(part), made)

    def _check_mode(self, mode: str) -> None:
        if mode not in self._modes:
            raise NotImplementedError(
                f"{self._label()}: mode={mode!r}; expected one of "
                f"{', '.join(map(repr, self._modes))}."
            )

    # --- turning a built layer

    def quantize(
        self,
        mode: str | None = None,
        type_check: bool = True,
        config: object = None,
    ) -> None:
        """Keep the weight in integers, or multiply in float8, from now on.

        Args:
            mode: `"int8"`, `"int4"`, `"float8"`, `"gptq"` or `"awq"`. The last two want
                a config, and look at no data here: each weight is rounded by itself.
                `Model.quantize` has data.
            type_check: Whether subclasses, which may compute something else, refuse.
            config: More of how, instead of the mode's usual way.

        Raises:
            ValueError: If the layer is not built or quantized already, the arguments
                contradict each other, or the layer computes in float16.
            NotImplementedError: If the class does not know the mode, or is a subclass.

        Example:

        >>> layer = keras.layers.Dense(2)
        >>> layer.build((None, 3))
        >>> layer.quantize("int8")
        >>> layer.kernel.dtype, layer.dtype_policy.name
        ('int8', 'int8_from_float32')
        """
        if type_check and "_modes" not in type(self).__dict__:
            refuse_to_quantize(self._label(), mode)
        if config is None and self.quantization_config is not None:
            own = self.quantization_config
            config = own if mode in (None, own.mode) else None
        found = config_for(mode, config, self._label())
        self._check_quantizable(found.mode)
        self._quantize(found)

    def _check_quantizable(self, mode: str) -> None:
        """Raises as `quantize` does, before anything is changed."""
        label = self._label()
        if not self.built:
            raise ValueError(
                f"{label}: quantize() comes after building; call the layer, or build(), first."
            )
        if self._kept_as is not None:
            raise ValueError(
                f"{label} is quantized already: its policy is {self.dtype_policy.name!r}; got "
                f"mode={mode!r}."
            )
        self._check_mode(mode)
        if mode in CALIBRATED and self.lora_enabled:
            raise NotImplementedError(f"{label}: {_NO_LORA.format(mode)}")
        if mode == "int8" and self.compute_dtype == "float16":
            raise ValueError(
                f"{label} computes in float16, where the scales of mode={mode!r} overflow; "
                "expected 'mixed_bfloat16' or 'float32' as its dtype."
            )

    def _quantize(
        self,
        config: QuantizationConfig,
        policy: DTypePolicy | None = None,
        storage: Grouped | None = None,
        values: dict[str, Any] | None = None,
    ) -> None:
        """Turns the weights; `values` are those of `storage`, where data told them."""
        mode = config.mode
        tracker = self.__dict__["_tracker"]
        locked, mark, before = tracker.locked, tracker.mark(), dict(self.__dict__)
        name = f"{config.dtype_policy_string()}_from_{self.dtype_policy.name}"
        tracker.unlock()
        try:
            weights: dict[str, Any] = {}
            if storage is not None:
                self.__dict__["_stored"] = {self._adapted: storage}
                weights = {self._adapted: values}
            elif mode != "float8":
                weights = self._encoded(mode, config)
            self.__dict__["_kept_as"] = mode  # which a new policy asks for
            kept = config._without_data()
            self.__dict__["quantization_config"] = kept
            self.dtype_policy = name if policy is None else policy
            with self._scopes():
                if mode == "float8":
                    self.quantized_build((), mode, config)
                for weight, parts in weights.items():
                    old = self._variable(weight)
                    self._untrack_variable(old)
                    # Nobody trains it any more, and programs that read it are made anew.
                    old.trainable = not old.trainable
                    for part, value in parts.items():
                        self._add_part(self._stored[weight], part, value)
        except BaseException:
            tracker.rollback(mark)
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        finally:
            tracker.locked = locked

    def _encoded(self, mode: str, config: QuantizationConfig) -> dict[str, Any]:
        """What each weight becomes."""
        self._plan_storage(self._variable(self._adapted).shape, mode, config)
        return {
            name: stored.encode(self._variable(name).numpy(), self._label())
            for name, stored in self._stored.items()
        }

    def _follow_policy(self, policy: DTypePolicy) -> None:
        """A quantized policy that a built layer is given quantizes it."""
        mode: Any = policy.quantization_mode
        if self._kept_as is not None or not self.built:
            return
        if isinstance(policy, Int4DTypePolicy):
            config: QuantizationConfig = Int4QuantizationConfig(
                block_size=policy.block_size
            )
        else:
            config = config_for(mode, None, self._label())
        self._check_quantizable(mode)
        self._quantize(config, policy)

    # --- computing

    def _product(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """The product with the quantized weight, its correction added."""
        contraction, dtype = self._contraction(), self._run_dtype
        if self._kept_as == "float8":
            kernel = getattr(self, self._adapted)
            return float8.multiply(self, contraction.product, inputs, kernel, training)
        stored = self._stored[self._adapted]
        y = multiply(
            stored, contraction, inputs, self._variable, self.inputs_quantizer, dtype
        )
        return y if not self.lora_enabled else ops.add(y, self._low_rank(inputs))

    def _low_rank(self, inputs: Tensor) -> Tensor:
        """The product of the inputs and the correction alone."""
        a, b = self._factors()
        product = self._contraction().product(inputs, ops.matmul(a, b))
        return product * (self.lora_alpha / self.lora_rank)

    def _adapt(self, rank: int, alpha: object, first: Any, second: Any) -> None:
        if self._kept_as in CALIBRATED:
            raise NotImplementedError(
                f"{self._label()}: {_NO_LORA.format(self._kept_as)}"
            )
        super()._adapt(rank, alpha, first, second)

    def _weight_shape(self) -> tuple[int, ...]:
        if self._kept_as in ("int8", "int4"):
            return self._stored[self._adapted].view.shape
        return super()._weight_shape()

    def _corrected(self, weight: Any) -> Any:
        if self._kept_as in (None, "float8"):
            return super()._corrected(weight) if self.lora_enabled else weight
        stored = self._stored[self._adapted]
        if not self.lora_enabled:
            return stored.integers(self._variable)
        floats = stored.floats(self._variable, self.variable_dtype)
        return super()._corrected(floats)
