"""keras-vision: a small MobileViT-like model, random weights."""

import keras_vision

print([n for n in dir(keras_vision) if n[0] != "_"])
