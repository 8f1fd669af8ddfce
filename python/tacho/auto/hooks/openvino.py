"""OpenVINO. CompiledModel.__call__ and infer_new_request end in InferRequest.infer: one inference.
start_async returns at once and is waited for elsewhere: not timed."""


def install(module, tools):
    for owner, method in (("CompiledModel", "__call__"), ("CompiledModel", "infer_new_request"),
                          ("InferRequest", "infer")):
        if hasattr(module, owner):
            tools.model(getattr(module, owner), method, "openvino infer")
