"""keras-hub: a small BERT classifier, a GPT-2 backbone, layers and a tokenizer."""

import keras
import keras_hub
import numpy as np

keras.utils.set_random_seed(0)

backbone = keras_hub.models.BertBackbone(
    vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=16, intermediate_dim=32,
    max_sequence_length=12,
)  # fmt: skip
classifier = keras_hub.models.BertTextClassifier(
    backbone, num_classes=2, preprocessor=None
)
draw = np.random.default_rng(0)
tokens = draw.integers(1, 50, size=(64, 12))
x = {
    "token_ids": tokens,
    "segment_ids": np.zeros((64, 12), "int32"),
    "padding_mask": np.ones((64, 12), "int32"),
}
y = (tokens[:, 0] > 25).astype("int32")
classifier.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=keras.optimizers.Adam(1e-2),
)
history = classifier.fit(x, y, epochs=6, batch_size=16, verbose=0).history["loss"]

gpt = keras_hub.models.GPT2Backbone(
    vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=16, intermediate_dim=32,
    max_sequence_length=12,
)  # fmt: skip
hidden = gpt.predict({k: v for k, v in x.items() if k != "segment_ids"}, verbose=0)
resnet = keras_hub.models.ResNetBackbone(
    input_conv_filters=[64], input_conv_kernel_sizes=[3], stackwise_num_filters=[64, 128],
    stackwise_num_blocks=[1, 1], stackwise_num_strides=[1, 2], block_type="basic_block",
    image_shape=(16, 16, 3),
)  # fmt: skip
pictures = resnet.predict(draw.random((2, 16, 16, 3), "float32"), verbose=0)
print(f"loss {history[0]:.3f} -> {history[-1]:.3f}, {hidden.shape}, {pictures.shape}")
