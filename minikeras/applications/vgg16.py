"""VGG16: `keras.applications.vgg16`."""

from minikeras.applications import vgg
from minikeras.applications.common import application
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing

VGG16 = application(
    "VGG16",
    __name__,
    vgg.network(
        "vgg16",
        (2, 2, 3, 3, 3),
        ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
    ),
    "13 convolutions of 3 x 3 and 3 dense layers, 138 million weights",
    vgg.REFERENCE,
)
preprocess_input = preprocessing(__name__, "caffe")

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]
