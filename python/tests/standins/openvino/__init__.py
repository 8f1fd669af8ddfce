from openvino._ov_api import CompiledModel, InferRequest  # noqa: F401
