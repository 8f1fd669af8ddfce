from rclpy.node import Node  # noqa: F401
