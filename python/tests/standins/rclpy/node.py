"""A subscription looks at its callback: message only, or message and its info; coroutine or not."""
import inspect

from rclpy.publisher import Publisher


class Subscription:
    def __init__(self, msg_type, topic, callback):
        self.topic = topic
        self.callback = callback
        self.has_info = False
        try:
            inspect.signature(callback).bind(object())
        except TypeError:
            inspect.signature(callback).bind(object(), object())
            self.has_info = True

    def deliver(self, message):
        arguments = (message, {}) if self.has_info else (message,)
        if inspect.iscoroutinefunction(self.callback):
            try:
                self.callback(*arguments).send(None)
            except StopIteration as stop:
                return stop.value
        return self.callback(*arguments)


class Node:
    def create_subscription(self, msg_type, topic, callback, qos_profile, *, raw=False):
        return Subscription(msg_type, topic, callback)

    def create_publisher(self, msg_type, topic, qos_profile):
        return Publisher(topic)
