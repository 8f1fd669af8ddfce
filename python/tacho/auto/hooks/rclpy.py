"""rclpy. A subscription's callback is timed as the node hands it over (public since the beginning,
unlike the executors' insides); those of cameras and lidars count frames. publish is timed, too."""

# Messages of which one is one frame of a sensor.
FRAMES = ("Image", "CompressedImage", "PointCloud2")
CALLBACK = 3  # position in create_subscription(self, msg_type, topic, callback, ...)


def _topic_of_publisher(arguments, _keywords):
    return getattr(arguments[0], "topic_name", None) or getattr(arguments[0], "topic", None)


class _Subscriptions:
    def __init__(self, tools):
        self._tools = tools
        self._cameras = 0

    def wrap(self, create):
        def create_timed(*arguments, **keywords):
            try:
                arguments, keywords = self._with_timed_callback(arguments, keywords)
            except Exception:  # the program's call must go on, with its own callback
                pass
            return create(*arguments, **keywords)

        return create_timed

    def _with_timed_callback(self, arguments, keywords):
        message, topic = (list(arguments[1:CALLBACK]) + [None, None])[:2]
        message = keywords.get("msg_type", message)
        topic = keywords.get("topic", topic)
        frame = None
        if getattr(message, "__name__", "") in FRAMES:
            frame = self._tools.with_topic("ros image %d" % self._cameras, topic)
            self._cameras += 1
        name = self._tools.with_topic("ros callback", topic)
        if "callback" in keywords:
            keywords = dict(keywords)
            keywords["callback"] = self._tools.timed(keywords["callback"], name, frame=frame)
        elif len(arguments) > CALLBACK:
            arguments = list(arguments)
            arguments[CALLBACK] = self._tools.timed(arguments[CALLBACK], name, frame=frame)
        return arguments, keywords


def install(module, tools):
    if hasattr(module, "Node"):
        tools.patch(module.Node, "create_subscription", _Subscriptions(tools).wrap)
    if hasattr(module, "Publisher"):
        tools.span(module.Publisher, "publish", "ros publish", topic=_topic_of_publisher)
