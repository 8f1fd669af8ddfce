"""Module.__call__ is an attribute that holds _call_impl; an instance's __call__ is never used."""


class Module:
    def __init__(self):
        self._parameters = {}
        self._buffers = {}
        self._modules = {}

    def _call_impl(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    __call__ = _call_impl

    def modules(self):
        yield self
        for module in self._modules.values():
            yield from module.modules()

    def parameters(self):
        for module in self.modules():
            yield from module._parameters.values()

    def buffers(self):
        for module in self.modules():
            yield from module._buffers.values()
