"""TensorFlow Lite under its three names. Delegates (Edge TPU, GPU, XNNPACK) run inside invoke."""


def install(module, tools):
    tools.model(module.Interpreter, "invoke", "tflite invoke")
