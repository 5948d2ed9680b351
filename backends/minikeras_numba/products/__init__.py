"""Products: matmuls, convolutions and their gradients, as tables of tile jobs."""
