"""tools: what a hook file works with. One object per library, so that a hook that fails half-way
can be undone."""
import functools
import os

from .timing import MARK, Timer

TOPICS_MAX = 32  # channels told apart by topic; further topics share one


def asks_for(variable):
    return os.environ.get(variable, "") not in ("", "0")


class Tools:
    def __init__(self, recorder):
        self.recorder = recorder
        self.probe = recorder.probe
        self._timers = {}
        self._undo = []
        self.touched = False  # was there anything to patch?
        self._topics = set()
        self._has_topics = asks_for("TACHO_AUTO_TOPICS")

    def model(self, owner, method, name, **options):
        """owner.method is an inference."""
        return self._method(owner, method, name, is_model=True, **options)

    def span(self, owner, method, name, topic=None, **options):
        """owner.method is worth timing, and no inference."""
        if topic is not None and self._has_topics:
            options["topic"] = lambda arguments, keywords: self.with_topic(
                name, topic(arguments, keywords))
        return self._method(owner, method, name, **options)

    def timed(self, function, name, frame=None):
        """The function itself, timed: a callback. frame: each call is one of these frames."""
        frame_of = None if frame is None else lambda _arguments: frame
        return Timer(self.recorder, name, frame_of=frame_of).wrap(function)

    def timer(self, name, **options):
        """Methods that are timed under one name share a timer: they may call each other."""
        if name not in self._timers:
            self._timers[name] = Timer(self.recorder, name, **options)
        return self._timers[name]

    def _method(self, owner, method, name, **options):
        return self.patch(owner, method, self.timer(name, **options).wrap)

    def begin_async(self, name, subject):
        """An inference that ends in a callback: call what is returned, with is_error, once."""
        timer = self.timer(name, is_model=True)
        plan = timer.open((subject,), {})

        def end(is_error):
            if plan is not None:
                timer.record(plan, is_error)

        return end

    def with_topic(self, name, topic):
        """The name of a channel. Topics are the program's data: shown only if asked for."""
        if not self._has_topics or not isinstance(topic, str):
            return name
        if topic not in self._topics and len(self._topics) >= TOPICS_MAX:
            return name
        self._topics.add(topic)
        return "%s %s" % (name, topic)

    def patch(self, owner, attribute, wrap):
        """Replaces owner.attribute by wrap(it), once. False: owner has none of its own (what it
        inherits is patched where it is defined)."""
        if attribute not in vars(owner):
            return False
        self.touched = True
        original = vars(owner)[attribute]
        kind = type(original) if isinstance(original, (staticmethod, classmethod)) else None
        function = original.__func__ if kind else original
        if not getattr(function, MARK, False):
            wrapped = wrap(function)
            if not hasattr(wrapped, MARK):
                _dress(wrapped, function)
            setattr(owner, attribute, kind(wrapped) if kind else wrapped)
            self._undo.append((owner, attribute, original))
        return True

    def undo(self):
        while self._undo:
            owner, attribute, original = self._undo.pop()
            setattr(owner, attribute, original)


def _dress(wrapper, function):
    """Name, documentation and signature of what is wrapped, as functools.wraps does."""
    functools.update_wrapper(wrapper, function)
    setattr(wrapper, MARK, True)
