"""InferenceSession inherits run and its kin from Session."""
import threading


class Session:
    def __init__(self):
        self.calls = 0

    def run(self, output_names, input_feed, run_options=None):
        """Compute the predictions."""
        if input_feed is None:
            raise ValueError("no input")
        self.calls += 1
        return [input_feed]

    def run_with_iobinding(self, iobinding, run_options=None):
        self.calls += 1

    def run_async(self, output_names, input_feed, callback, user_data, run_options=None):
        thread = threading.Thread(target=callback, args=([input_feed], user_data, ""))
        thread.start()
        thread.join()


class InferenceSession(Session):
    def __init__(self, path_or_bytes, sess_options=None, providers=None):
        Session.__init__(self)
        self.path = path_or_bytes
