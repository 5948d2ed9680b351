"""VGG19: `keras.applications.vgg19`."""

from minikeras.applications import vgg
from minikeras.applications.common import application
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing

VGG19 = application(
    "VGG19",
    __name__,
    vgg.network(
        "vgg19",
        (2, 2, 4, 4, 4),
        ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
    ),
    "16 convolutions of 3 x 3 and 3 dense layers, 144 million weights",
    vgg.REFERENCE,
)
preprocess_input = preprocessing(__name__, "caffe")

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]
