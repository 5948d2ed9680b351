"""`keras.preprocessing.text`."""
