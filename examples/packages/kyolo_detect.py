"""kyolo: the smallest YOLO, random weights: a forward pass, boxes, one step of training."""

import keras
import numpy as np
from kyolo.losses import YOLODetectionLoss
from kyolo.models import yolov8n
from kyolo.postprocessing import YOLOPostprocessor
from kyolo.training import YOLODetector

keras.utils.set_random_seed(0)

draw = np.random.default_rng(0)
model = yolov8n(nc=3, input_shape=(64, 64, 3))
images = draw.random((2, 64, 64, 3), "float32")
features = model(images)
postprocessor = YOLOPostprocessor(
    nc=3,
    reg_max=model.reg_max,
    strides=model.strides,
    conf_threshold=0.0,
    max_detections=5,
)
boxes = postprocessor(features)

targets = {
    "boxes": np.tile(np.float32([[8, 8, 40, 40]]), (2, 1, 1)),
    "labels": np.zeros((2, 1), "int32"),
    "mask": np.ones((2, 1), "float32"),
}
detector = YOLODetector(
    model, loss=YOLODetectionLoss(nc=3, reg_max=16, strides=(8, 16, 32))
)
detector.compile(optimizer=keras.optimizers.Adam(1e-3))
logs = [detector.train_on_batch(images, targets, return_dict=True) for _ in range(6)]
losses = [float(log["loss"]) for log in logs]
print(f"boxes {tuple(boxes.shape)}, loss {losses[0]:.2f} -> {losses[-1]:.2f}")
