"""The handful of TensorFlow's names that Keras scripts use, over `minikeras.ops`.

This is no TensorFlow: tensors are minikeras's, dtypes are their names, shapes are tuples,
`tf.shape` gives a tuple of numbers. What is not here says so.
"""
