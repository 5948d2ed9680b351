"""Quantizable: base of the layers whose weights can be kept in few bits."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import naming, ops
from minikeras.dtype_policies import DTypePolicy, Int4DTypePolicy
from minikeras.engine.tensor import Tensor
from minikeras.layers.core.low_rank import LowRank
from minikeras.layers.core.quantized import float8
from minikeras.layers.core.quantized.products import Contraction, multiply
from minikeras.layers.core.quantized.stored import Stored, View
from minikeras.quantizers import (
    AbsMaxQuantizer,
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)
from minikeras.quantizers.configs import in_blocks
from minikeras.quantizers.finding import config_for
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, PartialShape

_FLOAT8 = [f"{n}_{s}" for n in float8.NAMES for s in ("scale", "amax_history")]


class Quantizable(LowRank):
    """Base of layers with a weight that `quantize` can turn into integers or float8.

    A class says which weights it has (`_views`), and what is multiplied with them
    (`_contraction`); how they are kept is told by `_stored` once they are quantized.
    """

    _stored: dict[str, Stored]
    quantization_config: Any = None

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
            mode: `"int8"`, `"int4"` or `"float8"`.
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

    @property
    def _int4_block_size(self) -> int | None:
        """How many inputs share a scale, as asked for; Keras's name, which tools look up."""
        config = self.quantization_config
        if isinstance(config, Int4QuantizationConfig):
            return config.block_size
        return self._stored[self._adapted].block

    def _add_part(self, stored: Stored, part: str, value: ArrayLike) -> None:
        shape, dtype = stored.parts[part]
        first: Any = np.asarray(value)
        made = self.add_weight(
            name=part,
            shape=shape,
            initializer=first,
            dtype=self.variable_dtype if dtype is None else dtype,
            trainable=False,
        )
        setattr(self, self._attribute(part), made)

    def _attribute(self, part: str) -> str:
        return f"_{part}" if part == self._adapted else part

    def _variable(self, part: str) -> Any:
        return self.__dict__[self._attribute(part)]

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
            mode: `"int8"`, `"int4"` or `"float8"`.
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
            super().quantize(mode, type_check, config)
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
        if mode == "int8" and self.compute_dtype == "float16":
            raise ValueError(
                f"{label} computes in float16, where the scales of mode={mode!r} overflow; "
                "expected 'mixed_bfloat16' or 'float32' as its dtype."
            )

    def _quantize(
        self, config: QuantizationConfig, policy: DTypePolicy | None = None
    ) -> None:
        mode = config.mode
        tracker = self.__dict__["_tracker"]
        locked, mark, before = tracker.locked, tracker.mark(), dict(self.__dict__)
        name = f"{config.dtype_policy_string()}_from_{self.dtype_policy.name}"
        tracker.unlock()
        try:
            values = {} if mode == "float8" else self._encoded(mode, config)
            self.__dict__["_kept_as"] = mode  # which a new policy asks for
            self.__dict__["quantization_config"] = config
            self.dtype_policy = name if policy is None else policy
            with self._scopes():
                if mode == "float8":
                    self.quantized_build((), mode, config)
                for weight, parts in values.items():
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

    def _weight_shape(self) -> tuple[int, ...]:
        if self._kept_as in ("int8", "int4"):
            return self._stored[self._adapted].view.shape
        return super()._weight_shape()

    def _corrected(self, weight: Any) -> Any:
        if self._kept_as not in ("int8", "int4"):
            return super()._corrected(weight) if self.lora_enabled else weight
        stored = self._stored[self._adapted]
        if not self.lora_enabled:
            return stored.integers(self._variable)
        floats = stored.floats(self._variable, self.variable_dtype)
        return super()._corrected(floats)

    # --- files

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """The names of the variables that a file holds, in their order, for each mode."""
        name = self._adapted
        rest = ["bias"] if name == "kernel" else []
        spec: dict[str | None, list[str]] = {
            None: [name, *rest],
            "int8": [name, *rest, f"{name}_scale"],
            "int4": [name, *rest, f"{name}_scale", f"{name}_zero", "g_idx"],
        }
        if "float8" in self._modes:
            spec["float8"] = [name, *rest, *_FLOAT8]
        return spec

    def _own_variables(self) -> list[Any]:
        if self._kept_as is None:
            return super()._own_variables()
        names = self.variable_serialization_spec[self._kept_as]
        found = [self.__dict__.get(self._attribute(n)) for n in names]
        return [v for v in found if v is not None]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """As every layer; integers with a correction are made anew, with it in them."""
        if self._kept_as not in ("int8", "int4") or not self.lora_enabled:
            super().save_own_variables(store)
            return
        stored = self._stored[self._adapted]
        whole = self._corrected(None).numpy()
        values = stored.encode(whole, self._label())
        for i, variable in enumerate(self._own_variables()):
            made = values.get(variable.name)
            store[str(i)] = variable.numpy() if made is None else made

    def _adopt(self, store: MutableMapping[str, Any]) -> None:
        """Be quantized as the file's variables are, where the config did not say it.

        Layers inside of other layers, such as those of an attention, are described by
        these, which know nothing of it.
        """
        own, count = len(self._own_variables()), len(store.keys())
        if count <= own or own > 2 or "0" not in store:
            return
        config: QuantizationConfig | None = None
        first, more = np.asarray(store["0"]), count - own
        whole = first.shape == self._variable(self._adapted).shape
        if first.dtype == np.int8 and whole and more == 1:
            config = Int8QuantizationConfig()
        elif first.dtype == np.int8 and more in (1, 3):
            groups = np.asarray(store[str(count - 1)]) if more == 3 else None
            block = None if groups is None else int((groups == 0).sum())
            config = Int4QuantizationConfig(block_size=block or None)
        elif first.dtype.kind == "f" and more == len(_FLOAT8):
            config = Float8QuantizationConfig()
        if config is not None and config.mode in self._modes:
            self._check_quantizable(config.mode)
            self._quantize(config)

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """As every layer; integers are not taken for floats, nor floats for integers.

        Raises:
            ValueError: If the number of variables, a shape or a kind of dtype is wrong.
        """
        if self._kept_as is None and self.built:
            self._adopt(store)
        if self._kept_as is not None:
            for i, variable in enumerate(self._own_variables()):
                value = store.get(str(i))
                whole = variable.dtype == "int8"
                if (
                    value is not None
                    and (np.asarray(value).dtype.kind in "iu") != whole
                ):
                    raise ValueError(
                        f"{self._label()}: variable {variable.path!r} has dtype "
                        f"{variable.dtype}; the file has {np.asarray(value).dtype}."
                    )
        super().load_own_variables(store)
