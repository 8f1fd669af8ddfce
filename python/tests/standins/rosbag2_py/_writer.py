class SequentialWriter:
    def __init__(self):
        self.written = []

    def write(self, topic_name, message, time_stamp):
        self.written.append((topic_name, message, time_stamp))


class SequentialCompressionWriter:
    def write(self, topic_name, message, time_stamp):
        pass
