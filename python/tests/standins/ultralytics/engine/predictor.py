"""stream_inference is a generator; a source is a list of batches, each a list of images."""
import torch


class Result:
    def __init__(self, image):
        self.image = image
        self.speed = {"preprocess": None, "inference": None, "postprocess": None}


class BasePredictor:
    def __init__(self):
        self.model = torch.nn.Linear()
        self.seen = 0
        self.results = None

    def preprocess(self, images):
        return images

    def inference(self, images):
        return self.model(images)

    def postprocess(self, predictions, images):
        return [Result(image) for image in images]

    def __call__(self, source=None, model=None, stream=False):
        if stream:
            return self.stream_inference(source, model)
        return list(self.stream_inference(source, model))

    def stream_inference(self, source=None, model=None):
        self.seen = 0
        for batch in source:
            if batch == "broken":
                raise ValueError("cannot decode")
            predictions = self.inference(self.preprocess(batch))
            self.results = self.postprocess(predictions, batch)
            for result in self.results:
                self.seen += 1
                result.speed = {"preprocess": 1.0, "inference": 20.0, "postprocess": 3.0}
            yield from self.results


class DetectionPredictor(BasePredictor):
    def postprocess(self, predictions, images):
        return super().postprocess(predictions, images)
