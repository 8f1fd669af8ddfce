class Publisher:
    def __init__(self, topic):
        self.topic = topic

    @property
    def topic_name(self):
        return self.topic

    def publish(self, msg):
        pass
