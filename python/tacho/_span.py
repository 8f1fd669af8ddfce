"""tacho.span, frame, counter, gauge, mark: what a program calls."""
import functools
import sys

from tacho import _probe

_spans, _ids = {}, {}


def _id(name, kind, flags=0):
    key = (name, kind)
    if key not in _ids:
        _ids[key] = _probe.intern(name, kind, flags)
    return _ids[key]


def _task():
    """What runs now, as a key: the task, or None outside any (asyncio is not loaded for it)."""
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.current_task() if asyncio else None
    except RuntimeError:
        return None


class span(_probe.Span):
    """A duration. `with span("inference"):` around a block, `@span("inference")` around a function,
    a coroutine or a generator (of which each step counts), `async with span("request"):` around what
    waits. One object serves all threads and tasks: span("x") is always the same one.
    """
    __slots__ = ("name", "_tokens")

    def __new__(cls, name):
        known = _spans.get(name)
        if known is None:
            if not isinstance(name, str) or not name:
                raise TypeError("the name of a span is a text, not %r" % (name,))
            known = super().__new__(cls)
            _probe.Span.__init__(known, _id(name, _probe.SPAN))
            known.name, known._tokens = name, {}
            known = _spans.setdefault(name, known)
        return known

    def __init__(self, name):
        """Everything was done when it was new."""

    def __reduce__(self):
        return span, (self.name,)

    def __repr__(self):
        return "span(%r)" % self.name

    # A coroutine that waits lets others of its thread run: their spans would not nest.
    async def __aenter__(self):
        self._tokens.setdefault(_task(), []).append(_probe.begin_token())
        return self

    async def __aexit__(self, exception, value, traceback):
        task = _task()
        tokens = self._tokens[task]
        _probe.end_token(self.id, tokens.pop(), exception is not None)
        if not tokens:
            del self._tokens[task]

    def __call__(self, function):
        import inspect
        if inspect.iscoroutinefunction(function):
            @functools.wraps(function)
            async def timed(*arguments, **named):
                async with self:
                    return await function(*arguments, **named)
            return timed
        if inspect.isasyncgenfunction(function):
            raise TypeError("an asynchronous generator cannot be timed as a whole: "
                            "use `async with` around its steps")
        if inspect.isgeneratorfunction(function):
            return self._steps(function)
        return _probe.timed(function, self.id)

    def _steps(self, function):
        @functools.wraps(function)
        def timed(*arguments, **named):
            generator = function(*arguments, **named)
            sent, thrown = None, None
            while True:
                _probe.begin(self.id)
                try:
                    value = generator.throw(thrown) if thrown else generator.send(sent)
                except StopIteration as stop:
                    _probe.end(self.id)
                    return stop.value
                except BaseException:
                    _probe.end_error(self.id)
                    raise
                _probe.end(self.id)
                sent, thrown = None, None
                try:
                    sent = yield value
                except GeneratorExit:
                    generator.close()
                    raise
                except BaseException as error:
                    thrown = error
        return timed


def frame(camera="camera"):
    """One more frame of this camera."""
    _probe.frame(_id(camera, _probe.FRAME))


def counter(name, add=1):
    """Adds to a sum that only grows."""
    _probe.count(_id(name, _probe.COUNTER), add)


def work(name, add=1):
    """Units of work done: what growth of memory is told per."""
    _probe.count(_id(name, _probe.COUNTER, _probe.WORK), add)


def dropped(name, add=1):
    """What was lost: frames, messages."""
    _probe.count(_id(name, _probe.COUNTER, _probe.DROPPED), add)


def gauge(name, value):
    """A value as it is now: the length of a queue. Its largest is kept."""
    _probe.gauge(_id(name, _probe.GAUGE), value)


def mark(name):
    """A moment, with the memory and CPU time that the process has then: "after loading"."""
    _probe.mark(_id(name, _probe.MARK))
