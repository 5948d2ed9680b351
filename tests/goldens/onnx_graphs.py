"""Makes `onnx/*.onnx`: small graphs of other exporters, with inputs and what they give.

    python tests/goldens/onnx_graphs.py torch|tensorflow [NAME ...]

Needs torch and onnxscript, or keras on TensorFlow and tf2onnx; and onnxruntime, whose
outputs are the wanted ones. The files are committed, so the tests need none of these.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "onnx"


def save(name, path, inputs):
    """Keep a graph with its inputs and what ONNX Runtime gives for them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    names = [i.name for i in session.get_inputs()]
    outputs = session.run(None, dict(zip(names, inputs, strict=True)))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.onnx").write_bytes(Path(path).read_bytes())
    arrays = {f"in{i}": x for i, x in enumerate(inputs)}
    arrays |= {f"out{i}": y for i, y in enumerate(outputs)}
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


def torch_models():
    """Name -> (module, inputs)."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, channels, out, stride):
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
                nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out),
            )  # fmt: skip
            self.side = nn.Conv2d(channels, out, 1, stride)

        def forward(self, x):
            return torch.relu(self.body(x) + self.side(x))

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(3, 4, 3, padding=1)
            self.inner = nn.Conv2d(4, 8, 3, padding=1)
            self.up = nn.ConvTranspose2d(8, 4, 2, 2)
            self.out = nn.Conv2d(8, 2, 1)

        def forward(self, x):
            a = nn.functional.silu(self.down(x))
            b = nn.functional.gelu(self.inner(nn.functional.max_pool2d(a, 2)))
            b = torch.cat([a, self.up(b)], 1)
            return nn.functional.interpolate(
                self.out(b), scale_factor=2, mode="bilinear"
            )

    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(20, 6)
            self.lstm = nn.LSTM(6, 5, bidirectional=True, batch_first=True)
            self.gru = nn.GRU(10, 4, batch_first=True)
            self.head = nn.Linear(4, 3)

        def forward(self, x):
            rows, _ = self.gru(self.lstm(self.table(x))[0])
            return self.head(rows[:, -1])

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.TransformerEncoderLayer(
                8, 2, 16, batch_first=True, activation="gelu", norm_first=True
            )
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            return torch.softmax(self.head(self.block(x)).mean(1), -1)

    rng = np.random.default_rng(3)

    def normal(*shape):
        return rng.normal(size=shape).astype("float32")

    mlp = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.LayerNorm(7), nn.Linear(7, 3))
    cnn = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ELU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 4)
    )
    resnet = nn.Sequential(
        Residual(3, 4, 1), Residual(4, 8, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 4),
    )  # fmt: skip
    return {
        "mlp": (mlp, [normal(3, 5)]),
        "cnn": (cnn, [normal(3, 1, 8, 8)]),
        "resnet": (resnet, [normal(3, 3, 8, 8)]),
        "unet": (UNet(), [normal(3, 3, 8, 8)]),
        "lstm": (Rows(), [rng.integers(0, 20, (3, 6))]),
        "transformer": (Attention(), [normal(3, 5, 8)]),
    }


def from_torch():
    """Both of torch's exporters, with a free batch."""
    import torch

    torch.manual_seed(0)
    for name, (module, inputs) in torch_models().items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        module.eval()
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.uniform_(-0.3, 0.3)
                part.running_var.uniform_(0.5, 2)
        tensors = tuple(torch.from_numpy(x) for x in inputs)
        for dynamo in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "m.onnx")
                axes = {"x": {0: "batch"}, "y": {0: "batch"}}
                extra = (
                    {
                        "dynamic_shapes": ({0: torch.export.Dim("batch")},),
                        "external_data": False,
                    }
                    if dynamo
                    else {"dynamic_axes": axes}
                )
                try:
                    torch.onnx.export(
                        module, tensors, path, input_names=["x"], output_names=["y"],
                        dynamo=dynamo, **extra,
                    )  # fmt: skip
                except Exception as error:  # one exporter fails on what the other takes
                    print(f"torch ({dynamo=}) does not export {name}: {error!r:.100}")
                    continue
                save(f"torch_{name}{'_dynamo' if dynamo else ''}", path, inputs)


def from_tensorflow():
    """tf2onnx on Keras models."""
    import keras
    import tensorflow as tf
    import tf2onnx

    layers = keras.layers
    rng = np.random.default_rng(4)

    def normal(*shape):
        return rng.normal(size=shape).astype("float32")

    def unet():
        x = keras.Input((8, 8, 3))
        a = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        b = layers.Conv2D(6, 3, padding="same", strides=2)(a)
        b = layers.UpSampling2D(interpolation="bilinear")(b)
        c = layers.Conv2DTranspose(2, 3, padding="same")(layers.Concatenate()([a, b]))
        return keras.Model(x, c)

    def resnet():
        x = keras.Input((8, 8, 3))
        y = x
        for channels, stride in ((4, 1), (8, 2)):
            side = layers.Conv2D(channels, 1, stride)(y)
            y = layers.Conv2D(channels, 3, stride, "same", use_bias=False)(y)
            y = layers.ReLU()(layers.BatchNormalization()(y))
            y = layers.Conv2D(channels, 3, padding="same", use_bias=False)(y)
            y = layers.ReLU()(layers.BatchNormalization()(y) + side)
        model = keras.Model(x, layers.Dense(4)(layers.GlobalAveragePooling2D()(y)))
        for weight in model.weights:
            if "moving" in weight.path:
                weight.assign(rng.uniform(0.5, 2, weight.shape))
        return model

    def transformer():
        x = keras.Input((5, 8))
        y = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
        return keras.Model(x, layers.Dense(3, activation="swish")(y))

    models = {
        "mlp": (keras.Sequential([keras.Input((5,)), layers.Dense(6, "tanh"),
                                  layers.Dense(2, "softmax")]), normal(3, 5)),
        "cnn": (keras.Sequential([keras.Input((9, 9, 2)), layers.Conv2D(4, 3, padding="same",
                strides=2), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(),
                layers.DepthwiseConv2D(2), layers.GlobalAveragePooling2D()]), normal(3, 9, 9, 2)),
        "lstm": (keras.Sequential([keras.Input((6, 4)), layers.LSTM(5, return_sequences=True),
                                   layers.GRU(3)]), normal(3, 6, 4)),
        "unet": (unet(), normal(3, 8, 8, 3)),
        "resnet": (resnet(), normal(3, 8, 8, 3)),
        "transformer": (transformer(), normal(3, 5, 8)),
    }  # fmt: skip
    for name, (model, x) in models.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        signature = [tf.TensorSpec((None, *x.shape[1:]), tf.float32, name="x")]

        @tf.function(input_signature=signature)
        def serve(x, model=model):
            return model(x, training=False)

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "m.onnx")
            try:
                tf2onnx.convert.from_function(
                    serve, signature, opset=17, output_path=path
                )
            except Exception as error:  # tf2onnx lacks some loops
                print(f"tf2onnx does not export {name}: {error!r:.100}")
                continue
            save(f"tensorflow_{name}", path, [x])


if __name__ == "__main__":
    {"torch": from_torch, "tensorflow": from_tensorflow}[sys.argv[1]]()
