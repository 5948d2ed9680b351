"""CellLayer: an RNN that makes its cell itself, and has the cell's options as its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import regularizer_config
from minikeras.layers.recurrent.cell import Cell
from minikeras.layers.recurrent.rnn import RNN
from minikeras.naming import to_snake_case

_WALK = (
    "return_sequences", "return_state", "go_backwards", "stateful", "unroll",
)  # fmt: skip
_COMMON = ("name", "trainable", "dtype")


def of_cell(name: str) -> Any:
    """A property of a layer that is an attribute of its cell."""
    return property(lambda self: getattr(self.cell, name), doc=f"The cell's `{name}`.")


class CellLayer(RNN):
    """What SimpleRNN, LSTM, GRU and the ConvLSTMs share; subclasses name the cell."""

    _cell_class: type[Cell]
    activation = of_cell("activation")
    use_bias = of_cell("use_bias")
    kernel_initializer = of_cell("kernel_initializer")
    recurrent_initializer = of_cell("recurrent_initializer")
    bias_initializer = of_cell("bias_initializer")
    kernel_regularizer = of_cell("kernel_regularizer")
    recurrent_regularizer = of_cell("recurrent_regularizer")
    bias_regularizer = of_cell("bias_regularizer")
    kernel_constraint = of_cell("kernel_constraint")
    recurrent_constraint = of_cell("recurrent_constraint")
    bias_constraint = of_cell("bias_constraint")
    dropout = of_cell("dropout")
    recurrent_dropout = of_cell("recurrent_dropout")

    def _mixes_samples(self, training: bool | None) -> bool:
        return bool(self.stateful)

    def _make(
        self, arguments: dict[str, Any], more: Mapping[str, Any], **fixed: Any
    ) -> None:
        """Initialise from the arguments of the subclass's constructor.

        Args:
            arguments: All named arguments, by name.
            more: The constructor's `**kwargs`.
            **fixed: What the cell is given besides, e.g. a rank.
        """
        if "use_cudnn" in arguments:  # LSTM and GRU of Keras 2 chose a way to compute
            more = {key: v for key, v in more.items() if key != "implementation"}
        taken = {*_WALK, "activity_regularizer", "use_cudnn"}
        given = {key: value for key, value in arguments.items() if key not in taken}
        cell = self._cell_class(
            **fixed,
            **given,
            dtype=more.get("dtype"),
            trainable=more.get("trainable", True),
            name=to_snake_case(self._cell_class.__name__),
        )
        RNN.__init__(
            self,
            cell,
            **{key: arguments[key] for key in _WALK if key in arguments},
            activity_regularizer=arguments["activity_regularizer"],
            **more,
        )
        self.input_spec = InputSpec(ndim=3)
        if "use_cudnn" in arguments:
            self.use_cudnn = arguments["use_cudnn"]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        own = Layer.get_config(self)
        cell = self.cell.get_config()
        return {
            **own,
            **{key: value for key, value in cell.items() if key not in _COMMON},
            **self._walk_config(),
            "activity_regularizer": regularizer_config(self),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The layer that `get_config` described."""
        return cls(**config)
