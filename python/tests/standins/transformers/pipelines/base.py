import torch


class Pipeline:
    def __init__(self):
        self.model = torch.nn.Linear()

    def __call__(self, inputs, *args, **kwargs):
        if hasattr(inputs, "__next__"):
            return (self.model(item) for item in inputs)
        return self.model(inputs)


class TextClassificationPipeline(Pipeline):
    def __call__(self, inputs, **kwargs):
        return super().__call__(inputs, **kwargs)
