"""keras-geometric: a graph convolution over four nodes."""

import keras
import numpy as np
from keras_geometric import GCNConv, GINConv, SAGEConv

node_features = np.array(
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]],
    dtype=np.float32,
)
edge_index = np.array([[0, 0, 1, 2, 3], [1, 2, 2, 3, 0]], dtype=np.int32)

for layer in (GCNConv(16), GINConv(16), SAGEConv(16)):
    out = layer([node_features, edge_index])
    assert tuple(out.shape) == (4, 16), out.shape
    assert np.isfinite(keras.ops.convert_to_numpy(out)).all()

node_input = keras.Input(shape=(3,), name="node_features")
edge_input = keras.Input(shape=(None,), dtype="int32", name="edge_index")
embeddings = GCNConv(output_dim=16)([node_input, edge_input])
model = keras.Model(inputs=[node_input, edge_input], outputs=embeddings)
out = model([node_features, edge_index])
print(f"embeddings {tuple(out.shape)}")
