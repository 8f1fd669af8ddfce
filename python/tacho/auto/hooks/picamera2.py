"""Picamera2. Its capture calls block until the camera has a frame: that is waiting, and a frame of
this camera. With wait=False or a signal function they return a job at once: nothing is counted."""


def _is_untimed(arguments, keywords):
    """The parameters stand in other places in each of the methods, but only they look like this."""
    values = arguments[1:] + tuple(keywords.values())
    return any(value is False or callable(value) for value in values)


def _frame(arguments):
    return "camera%d" % int(getattr(arguments[0], "camera_idx", 0))


def install(module, tools):
    for method in ("capture_array", "capture_arrays", "capture_buffer", "capture_buffers",
                   "capture_image", "capture_request", "capture_file"):
        tools.span(module.Picamera2, method, "picamera2 capture", wait=True, frame_of=_frame,
                   is_untimed=_is_untimed)
