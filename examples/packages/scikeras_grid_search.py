"""scikeras: a Keras model in scikit-learn's grid search."""

import keras
from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = make_classification(300, 10, n_informative=6, random_state=0)
X = X.astype("float32")


def get_model(hidden_layer_dim, meta):
    model = keras.Sequential()
    model.add(keras.Input((meta["n_features_in_"],)))
    model.add(keras.layers.Dense(hidden_layer_dim, activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    return model


classifier = KerasClassifier(
    get_model,
    loss="binary_crossentropy",
    optimizer="adam",
    optimizer__learning_rate=0.01,
    hidden_layer_dim=16,
    epochs=10,
    verbose=0,
    random_state=1,
)
pipeline = make_pipeline(StandardScaler(), classifier)
search = GridSearchCV(pipeline, {"kerasclassifier__hidden_layer_dim": [2, 16]}, cv=2)
search.fit(X, y)
regressor = KerasRegressor(
    lambda: keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)]),
    loss="mse",
    epochs=3,
    verbose=0,
)
regressor.fit(X, X[:, 0])
print(f"{search.best_params_}, accuracy {search.best_score_:.3f}")
