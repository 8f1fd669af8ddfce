"""Eclipse Paho. publish hands a message to the client's queue or to the socket: its time says how
long the program was held up, not when the message arrived. Callbacks are never replaced."""


def _topic(arguments, keywords):
    return arguments[1] if len(arguments) > 1 else keywords.get("topic")


def install(module, tools):
    tools.span(module.Client, "publish", "mqtt publish", topic=_topic)
