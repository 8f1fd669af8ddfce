from torch.nn.modules.module import Module  # noqa: F401


class Linear(Module):
    def __init__(self, is_cuda=False):
        super().__init__()
        import torch
        self._parameters["weight"] = torch.Tensor(is_cuda)

    def forward(self, value):
        return value


class ReLU(Module):
    def forward(self, value):
        return value


class Sequential(Module):
    def __init__(self, *parts):
        super().__init__()
        for index, part in enumerate(parts):
            self._modules[str(index)] = part

    def forward(self, value):
        for part in self._modules.values():
            value = part(value)
        return value
