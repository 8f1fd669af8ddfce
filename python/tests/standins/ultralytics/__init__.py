from ultralytics.engine.model import YOLO  # noqa: F401
