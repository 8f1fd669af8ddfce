"""CompiledModel.__call__ ends in InferRequest.infer, whose base is a C++ type."""


class _InferRequestBase:
    def infer(self, inputs):
        return inputs


class InferRequest(_InferRequestBase):
    def infer(self, inputs=None, share_inputs=False):
        return super().infer(inputs)


class CompiledModel:
    def create_infer_request(self):
        return InferRequest()

    def infer_new_request(self, inputs=None):
        return self.create_infer_request().infer(inputs)

    def __call__(self, inputs=None):
        return self.create_infer_request().infer(inputs)
