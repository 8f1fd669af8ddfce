"""A scripted module keeps its parameters in C++ (_c) and is called like any other."""
from torch.nn.modules.module import Module


class ScriptModule(Module):
    pass


class RecursiveScriptModule(ScriptModule):
    def __init__(self):
        super().__init__()
        self._c = object()

    def forward(self, value):
        return value


def load(_file):
    return RecursiveScriptModule()
