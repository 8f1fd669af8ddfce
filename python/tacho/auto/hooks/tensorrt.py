"""TensorRT. execute_v2 returns when the result is there: that is an inference. The async calls only
enqueue work on a CUDA stream: what they take is recorded under their own name, not as inference."""


def install(module, tools):
    context = module.IExecutionContext
    for method in ("execute", "execute_v2"):
        tools.model(context, method, "tensorrt execute")
    for method in ("execute_async", "execute_async_v2", "execute_async_v3"):
        tools.span(context, method, "tensorrt enqueue")
