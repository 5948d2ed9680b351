"""SpectralNormalization: a wrapper that bounds how steep a layer is."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import initializers, ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import positive
from minikeras.layers.core.wrapper import Wrapper
from minikeras.types import PartialShape

_WRAPPED = ("kernel", "embeddings")


class SpectralNormalization(Wrapper):
    """Divides a layer's kernel by its greatest singular value, found by power iteration.

    Each training call runs some steps of the iteration from where the last one ended,
    and replaces the kernel of the layer inside by `kernel / sigma`; gradients are those of
    the new kernel. At inference the kernel is used as it is.

    Args:
        layer: A layer with a `kernel` or `embeddings`.
        power_iterations: Number of steps in each training call.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: For the layer inside.
        training: Whether to normalize the kernel first.

    Input shape:
        That of the layer inside.

    Output shape:
        That of the layer inside.

    Raises:
        ValueError: If `power_iterations` is not positive; when built, if the layer has
            neither `kernel` nor `embeddings`.

    Reference:
        Miyato et al., 2018, https://arxiv.org/abs/1802.05957.

    Example:

    >>> dense = keras.layers.Dense(2, kernel_initializer="ones", use_bias=False)
    >>> layer = keras.layers.SpectralNormalization(dense, power_iterations=3)
    >>> layer(np.array([[1.0, 1.0]]), training=True).numpy().round(3).tolist()
    [[1.0, 1.0]]
    """

    def __init__(
        self, layer: Layer, power_iterations: int = 1, **kwargs: Unpack[LayerOptions]
    ) -> None:
        steps = positive(power_iterations, "power_iterations", type(self).__name__)
        super().__init__(layer, **kwargs)
        self.power_iterations = steps

    def build(self, input_shape: PartialShape | None = None) -> None:
        """Build the layer inside; make `vector_u` `(1, last axis of the kernel)`."""
        super().build(input_shape)
        self.input_spec = self.layer.input_spec
        found = [name for name in _WRAPPED if hasattr(self.layer, name)]
        if not found:
            raise ValueError(
                f"{self._label()}: {self.layer._label()} has neither a kernel nor "
                "embeddings to normalize."
            )
        self._kernel = getattr(self.layer, found[0])
        self.vector_u = self.add_weight(
            shape=(1, self._kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
            dtype=self._kernel.dtype,
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The result of the layer inside, its kernel normalized first if `training`."""
        if training:
            u, kernel = self.normalized_weights()
            old = ops.convert_to_tensor(self._kernel)
            # The optimizer steps from the new kernel, so the gradient is the one there: it
            # passes to the variable as it is, and not through the division by sigma.
            passed = ops.subtract(old, ops.stop_gradient(old))
            self._kernel.assign(ops.add(ops.stop_gradient(kernel), passed))
            self.vector_u.assign(u)
        return self.layer(inputs)

    def normalized_weights(self) -> tuple[Any, Any]:
        """The new vector `u`, and the kernel divided by its greatest singular value."""
        kernel = self._kernel
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        u = ops.convert_to_tensor(self.vector_u)
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), epsilon=_LEAST)
            u = ops.normalize(ops.matmul(v, matrix), epsilon=_LEAST)
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        sigma = ops.matmul(ops.matmul(v, matrix), ops.transpose(u))
        return u, ops.reshape(ops.divide(matrix, sigma), kernel.shape)

    def compute_output_shape(self, input_shape: PartialShape) -> PartialShape:
        """That of the layer inside."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


_LEAST = 1e-12  # of a squared length, against division by zero
