"""k3im: small image models of three kinds."""

import numpy as np
from k3im.cait import CaiTModel
from k3im.convmixer import ConvMixer
from k3im.gmlp import gMLPModel
from k3im.simple_vit_with_fft import SimpleViTFFT

draw = np.random.default_rng(0)
x, y = draw.random((32, 28, 28, 1), "float32"), draw.integers(0, 10, 32)
models = [
    CaiTModel(
        image_size=(28, 28), patch_size=(7, 7), num_classes=10, dim=32, depth=2, heads=8,
        mlp_dim=64, cls_depth=2, channels=1, dim_head=64,
    ),
    SimpleViTFFT(
        image_size=28, patch_size=7, freq_patch_size=7, num_classes=10, dim=32, depth=2,
        heads=8, mlp_dim=64, channels=1, dim_head=16,
    ),
    gMLPModel(
        image_size=28, patch_size=7, embedding_dim=32, num_blocks=2, dropout_rate=0.5,
        num_classes=10, positional_encoding=False, num_channels=1,
    ),
    ConvMixer(
        image_size=28, filters=16, depth=2, kernel_size=3, patch_size=4, num_classes=10,
        num_channels=1,
    ),
]  # fmt: skip
for model in models:
    model.compile("adam", "sparse_categorical_crossentropy")
    loss = model.fit(x, y, epochs=1, verbose=0).history["loss"][0]
    print(f"{model.count_params():,} weights, loss {loss:.3f}")
