"""THE table of hooked libraries: which file hooks which module, right after its import.

To add a library: one file here with `install(module, tools)` (see tacho.auto.tools) and a row per
module in which its classes are made. Not the package that re-exports them: a program may import
the inner module, and what was copied by `from ... import` before a hook ran stays unhooked.
"""

TABLE = {
    "ultralytics.engine.predictor": "ultralytics",
    "ultralytics.yolo.engine.predictor": "ultralytics",  # before 8.0.135
    "torch.nn.modules.module": "torch",
    "onnxruntime.capi.onnxruntime_inference_collection": "onnxruntime",
    "tflite_runtime.interpreter": "tflite",
    "tensorflow.lite.python.interpreter": "tflite",
    "ai_edge_litert.interpreter": "tflite",
    "tensorrt": "tensorrt",
    "openvino._ov_api": "openvino",  # 2024.4 and later
    "openvino.runtime.ie_api": "openvino",
    "cv2": "opencv",
    "picamera2.picamera2": "picamera2",
    "paho.mqtt.client": "paho_mqtt",
    "rosbag2_py._writer": "rosbag2",
    "rclpy.node": "rclpy",
    "rclpy.publisher": "rclpy",
    "gtts.tts": "gtts",
    "transformers.pipelines.base": "transformers",
}
