"""__call__ and predict lead to the same predictor, which is made on first use."""
import torch

from ultralytics.engine.predictor import DetectionPredictor


class YOLO(torch.nn.Module):
    def __init__(self, file):
        super().__init__()
        self.predictor = None

    def __call__(self, source=None, stream=False, **kwargs):
        return self.predict(source, stream, **kwargs)

    def predict(self, source=None, stream=False, **kwargs):
        if self.predictor is None:
            self.predictor = DetectionPredictor()
        return self.predictor(source=source, stream=stream)
