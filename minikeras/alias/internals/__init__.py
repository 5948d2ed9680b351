"""Names of `keras.src` that other packages reach into, where ours differ or are private."""
