class Picamera2:
    def __init__(self, camera_num=0):
        self.camera_idx = camera_num

    def capture_array(self, name="main", wait=None, signal_function=None):
        return [name]

    def capture_request(self, wait=None, signal_function=None):
        return object()
