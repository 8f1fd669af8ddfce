"""rosbag2_py. write copies the message into the writer's cache: its time is what the recording loop
is held up for, not what the disk takes. Re-exports (rosbag2_py.SequentialWriter) are these classes.
"""


def _topic(arguments, keywords):
    return arguments[1] if len(arguments) > 1 else keywords.get("topic_name")


def install(module, tools):
    for name in ("SequentialWriter", "SequentialCompressionWriter"):
        if hasattr(module, name):
            tools.span(getattr(module, name), "write", "rosbag2 write", topic=_topic)
