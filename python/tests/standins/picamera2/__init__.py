from .picamera2 import Picamera2  # noqa: F401
