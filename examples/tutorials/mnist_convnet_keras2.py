"""A convnet as in the days of Keras 2: old paths, lr=, backend, to_categorical."""

import keras
import numpy as np
from keras import backend as K
from keras.layers import Dense, Dropout, Flatten
from keras.layers.convolutional import Conv2D, MaxPooling2D
from keras.models import Sequential
from keras.utils import np_utils
from keras.utils.generic_utils import get_custom_objects

keras.utils.set_random_seed(0)

batch_size, num_classes, epochs = 64, 10, 2
img_rows, img_cols = 28, 28
x_train = np.random.RandomState(0).rand(128, img_rows, img_cols)
y_train = np.arange(128) % 10
if K.image_data_format() == "channels_first":
    x_train = x_train.reshape(x_train.shape[0], 1, img_rows, img_cols)
    input_shape = (1, img_rows, img_cols)
else:
    x_train = x_train.reshape(x_train.shape[0], img_rows, img_cols, 1)
    input_shape = (img_rows, img_cols, 1)
y_train = np_utils.to_categorical(y_train, num_classes)


def swish(x):
    return K.sigmoid(x) * x


get_custom_objects().update({"my_swish": swish})
model = Sequential()
model.add(Conv2D(8, kernel_size=(3, 3), activation="my_swish", input_shape=input_shape))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(num_classes, activation="softmax"))


def root_mean_squared_error(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true)))


model.compile(
    loss=keras.losses.categorical_crossentropy,
    optimizer=keras.optimizers.legacy.SGD(lr=0.01, momentum=0.9, nesterov=True),
    metrics=["accuracy", root_mean_squared_error],
)
history = model.fit(x_train, y_train, batch_size=batch_size, epochs=epochs, verbose=1)
assert "root_mean_squared_error" in history.history
score = model.evaluate(x_train, y_train, verbose=0)
print("Test loss:", score[0])
assert K.eval(K.constant(2.0)) == 2.0
