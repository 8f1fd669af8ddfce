"""OpenCV. Its classes cannot be changed, and must not be inherited from: they free their objects as
if they were of no subclass, and the interpreter crashes. So cv2.VideoCapture and cv2.VideoWriter
are replaced by classes that hold one of them and pass every call on.

Reading blocks until there is an image: that is waiting. An image that came is a frame of its camera
("camera0" is VideoCapture(0) or /dev/video0; files and streams are "video0", "video1", ... in the
order in which they were opened: their names may hold passwords).
"""
import re
import types

from ..timing import MARK

DEVICE = re.compile(r"/dev/video(\d+)\Z")
INNER = "_tacho_inner"


def _inner(item):
    return getattr(item, INNER, item)


def _forward(name, method):
    def forward(self, *arguments, **keywords):
        return getattr(getattr(self, INNER), name)(*arguments, **keywords)

    forward.__name__ = name
    forward.__doc__ = method.__doc__
    return forward


def _unwrapping(function):
    """A function that may be given our objects (VideoCapture.waitAny)."""

    def unwrapping(*arguments, **keywords):
        arguments = [[_inner(item) for item in argument] if isinstance(argument, (list, tuple))
                     else _inner(argument) for argument in arguments]
        return function(*arguments, **keywords)

    unwrapping.__name__ = function.__name__
    unwrapping.__doc__ = function.__doc__
    return unwrapping


def _holder(original):
    """A class with the methods of `original` that holds one of its objects."""

    def __init__(self, *arguments, **keywords):
        setattr(self, INNER, original(*arguments, **keywords))

    namespace = {"__init__": __init__, "__doc__": original.__doc__,
                 "__module__": original.__module__, "__qualname__": original.__qualname__,
                 MARK: True}
    for name, item in vars(original).items():
        if isinstance(item, types.MethodDescriptorType):
            namespace[name] = _forward(name, item)
        elif isinstance(item, staticmethod) and name != "__new__":
            namespace[name] = staticmethod(_unwrapping(getattr(original, name)))
    return type(original.__name__, (), namespace)


class _Cameras:
    """Which frames a capture counts."""

    def __init__(self, tools):
        self._tools = tools
        self._videos = 0

    def channel(self, source):
        device = DEVICE.match(source) if isinstance(source, str) else None
        if device:
            return "camera" + device.group(1)
        if isinstance(source, int):
            return "camera%d" % (source % 100)  # VideoCapture(CAP_V4L2 + 1): hundreds are backends
        name = "video%d" % self._videos
        self._videos += 1
        return name

    def opened(self, capture, arguments, keywords):
        source = arguments[0] if arguments else keywords.get("index", keywords.get("filename"))
        if source is not None:
            capture._tacho_channel = self.channel(source)

    def count(self, capture):
        self._tools.recorder.frame(getattr(capture, "_tacho_channel", "video"))


def _guarded(call, *arguments):
    try:
        call(*arguments)
    except Exception:
        pass


def _capture(original, tools):
    holder = _holder(original)
    cameras = _Cameras(tools)
    construct, reopen = holder.__init__, holder.open
    waiting = tools.timer("opencv read", wait=True)
    read, grab = waiting.wrap(holder.read), waiting.wrap(holder.grab)

    def __init__(self, *arguments, **keywords):
        construct(self, *arguments, **keywords)
        _guarded(cameras.opened, self, arguments, keywords)

    def open(self, *arguments, **keywords):
        result = reopen(self, *arguments, **keywords)
        _guarded(cameras.opened, self, arguments, keywords)
        return result

    def read_image(self, *arguments, **keywords):
        result = read(self, *arguments, **keywords)
        if result[0]:
            _guarded(cameras.count, self)
        return result

    def grab_image(self):
        result = grab(self)
        if result:
            _guarded(cameras.count, self)
        return result

    for function, name in ((__init__, "__init__"), (open, "open"), (read_image, "read"),
                           (grab_image, "grab")):
        function.__name__ = name
        function.__doc__ = getattr(original, name).__doc__
        setattr(holder, name, function)
    holder.retrieve = tools.timer("opencv retrieve").wrap(holder.retrieve)
    return holder


def _writer(original, tools):
    holder = _holder(original)
    holder.write = tools.timer("opencv write").wrap(holder.write)
    return holder


def install(module, tools):
    tools.patch(module, "VideoCapture", lambda original: _capture(original, tools))
    tools.patch(module, "VideoCapture_waitAny", _unwrapping)
    tools.patch(module, "VideoWriter", lambda original: _writer(original, tools))
