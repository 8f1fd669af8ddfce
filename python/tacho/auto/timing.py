"""timing: a call, a step of a generator or a coroutine, timed once however libraries nest.

Rules:
- Only the outermost call of a library counts, and only the outermost model call of all is an
  `inference`: it is recorded under that name and under the library's own.
- The first call of each model allocates, compiles and warms up. It is kept apart, as
  "inference first" and "NAME first".
- What is called gets the same arguments, returns the same object and raises the same exception.
  Nothing of them is kept: models are known by their id and a weak reference.
- Names are interned when something is recorded, not before: a process that never calls a model
  gets no segment.
"""
import functools
import sys
import threading
import types
import weakref

INFERENCE = "inference"
MARK = "__tacho_wrapped__"

CO_GENERATOR = 0x20
CO_COROUTINE = 0x80
CO_ASYNC_GENERATOR = 0x200


class _Inside(threading.local):
    """What this thread is inside of."""

    def __init__(self):
        self.names = set()


class Recorder:
    """A probe, the ids of its names, and who is inside of what."""

    def __init__(self, probe):
        self.probe = probe
        self.inside = _Inside()
        self._ids = {}

    def span(self, name, wait=False):
        known = self._ids.get(name)
        if known is None:
            flags = self.probe.AUTO | (self.probe.WAIT if wait else 0)
            known = self._ids[name] = self.probe.intern(name, self.probe.SPAN, flags)
        return known

    def is_programs(self, name, kind):
        """Does the program record this by its own calls (tacho.span, tacho.frame)? Then what it
        says holds, and the hooks do not count it a second time. name None: any."""
        names = getattr(sys.modules.get("tacho._span"), "_ids", None)
        if not names:
            return False
        if name is None:
            return any(known == kind for _, known in list(names))
        return (name, kind) in names

    def frame(self, name):
        if self.is_programs(None, self.probe.FRAME):
            return
        key = (name, "frame")
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = self.probe.intern(name, self.probe.FRAME, self.probe.AUTO)
        self.probe.frame(known)


class _Plan:
    """What to record of one call."""

    __slots__ = ("names", "own", "outer", "is_outermost", "device", "started", "token")


class Timer:
    """Times calls under one name.

    is_model: they are inferences. accept(subject): asked once per model; False: no model, not
    timed. device: see begin() and end() of torch's. frame_of(arguments): a name; each call that
    succeeds is a frame of it. topic(arguments, keywords): a name to tell channels apart.
    """

    def __init__(self, recorder, name, is_model=False, wait=False, accept=None, device=None,
                 frame_of=None, topic=None, is_untimed=None):
        self.name = name
        self._recorder = recorder
        self._probe = recorder.probe
        self._inside = recorder.inside
        self._is_model = is_model
        self._wait = wait
        self._accept = accept
        self._device = device
        self._frame_of = frame_of
        self._topic = topic
        self._is_untimed = is_untimed
        self._models = {}

    # -- models: which are known, and is it the first call?

    def _look(self, model):
        """"": known; " first": not yet; None: no model."""
        entry = self._models.get(id(model))
        if entry is None:
            return self._remember(model)
        return "" if entry[1] else None

    def _remember(self, model):
        is_model = self._accept is None or bool(self._accept(model))
        key, models = id(model), self._models
        try:
            reference = weakref.ref(model, lambda _: models.pop(key, None))
        except TypeError:  # knows no weak references: then the first call of its class is the first
            key, reference = type(model), None
            if key in models:
                return ""
        models[key] = (reference, is_model)
        return " first" if is_model else None

    # -- one call

    def _plan(self, arguments, keywords):
        """What to record, or None where nothing is: part of another call, or our own mistake."""
        try:
            names = self._inside.names
            if self.name in names:
                return None
            if self._is_untimed is not None and self._is_untimed(arguments, keywords):
                return None
            suffix = ""
            if self._is_model:
                suffix = self._look(arguments[0] if arguments else None)
                if suffix is None:
                    return None
            plan = _Plan()
            plan.names, plan.outer, plan.started = names, None, None
            name = self.name if self._topic is None else self._topic(arguments, keywords)
            plan.own = self._recorder.span(name + suffix, self._wait)
            plan.is_outermost = self._is_model and INFERENCE not in names
            if plan.is_outermost and not self._recorder.is_programs(INFERENCE, self._probe.SPAN):
                plan.outer = self._recorder.span(INFERENCE + suffix)
                if self._device is not None:
                    plan.started = self._device.begin(arguments[0])
            return plan
        except Exception:
            return None

    def _hold(self, plan):
        plan.names.add(self.name)
        if plan.is_outermost:
            plan.names.add(INFERENCE)

    def _drop(self, plan):
        plan.names.discard(self.name)
        if plan.is_outermost:
            plan.names.discard(INFERENCE)

    def enter(self, arguments, keywords):
        """Begins a call: what leave() wants, or None."""
        plan = self._plan(arguments, keywords)
        if plan is None:
            return None
        self._hold(plan)
        if plan.outer is not None and plan.started is None:
            self._probe.begin(plan.outer)
        self._probe.begin(plan.own)
        return plan

    def leave(self, plan, is_error, arguments=()):
        self._drop(plan)
        end = self._probe.end_error if is_error else self._probe.end
        end(plan.own)
        if plan.started is not None:
            self._device.end(plan.started, plan.outer, is_error)
        elif plan.outer is not None:
            end(plan.outer)
        if self._frame_of is not None and not is_error:
            self._count_frame(arguments)

    def _count_frame(self, arguments):
        try:
            self._recorder.frame(self._frame_of(arguments))
        except Exception:
            pass

    # -- what begins here and ends elsewhere: nothing stays open, so nothing can be left open

    def open(self, arguments, keywords):
        plan = self._plan(arguments, keywords)
        if plan is not None:
            plan.token = self._probe.begin_token()
        return plan

    def record(self, plan, is_error, arguments=()):
        self._probe.end_token(plan.own, plan.token, is_error)
        if plan.outer is not None:
            self._probe.end_token(plan.outer, plan.token, is_error)
        if self._frame_of is not None and not is_error:
            self._count_frame(arguments)

    def step(self, plan, action, value):
        """Runs a part of a call that was opened; what it calls is inside of it."""
        if plan is None:
            return action(value)
        self._hold(plan)
        try:
            return action(value)
        finally:
            self._drop(plan)

    # -- functions

    def wrap(self, function):
        """A function that does what `function` does, and is timed."""
        flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
        if flags & CO_ASYNC_GENERATOR:
            wrapper = self._wrap_async_generator(function)
        elif flags & CO_COROUTINE:
            wrapper = self._wrap_coroutine(function)
        elif flags & CO_GENERATOR:
            wrapper = self._wrap_generator(function)
        else:
            wrapper = self._wrap_call(function)
        wrapper = functools.wraps(function)(wrapper)
        setattr(wrapper, MARK, True)
        return wrapper

    def _wrap_call(self, function):
        enter, leave = self.enter, self.leave

        def timed(*arguments, **keywords):
            plan = None
            try:
                plan = enter(arguments, keywords)
                result = function(*arguments, **keywords)
            except BaseException:
                if plan is not None:
                    leave(plan, True)
                raise
            if plan is not None:
                leave(plan, False, arguments)
            return result

        return timed

    def _wrap_generator(self, function):
        def timed(*arguments, **keywords):
            inner = function(*arguments, **keywords)
            subject = weak(arguments[0]) if arguments else None
            del arguments, keywords
            return (yield from steps(self, inner, subject))

        return timed

    def _wrap_coroutine(self, function):
        async def timed(*arguments, **keywords):
            inner = function(*arguments, **keywords)
            subject = weak(arguments[0]) if arguments else None
            del arguments, keywords
            return await _until_done(self, inner, subject)

        return timed

    def _wrap_async_generator(self, function):
        async def timed(*arguments, **keywords):
            inner = function(*arguments, **keywords)
            subject = weak(arguments[0]) if arguments else None
            del arguments, keywords
            action, value = inner.asend, None
            while True:
                try:
                    box = [await _until_done(self, action(value), subject)]
                except StopAsyncIteration:
                    return
                action, value = inner.asend, None
                try:
                    value = yield box.pop()
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:
                    action, value = inner.athrow, error

        return timed


def weak(subject):
    """A function that returns subject, or None once it is gone."""
    try:
        return weakref.ref(subject)
    except TypeError:
        return lambda: None


def _arguments(subject):
    return () if subject is None else (subject(),)


def steps(timer, inner, subject):
    """The items of a generator, each timed. The last step, which finds the end, is no item.

    `box` hands an item over without keeping it: a tensor must not live until the next step.
    """
    action, value = inner.send, None
    while True:
        plan = timer.open(_arguments(subject), {})
        try:
            box = [timer.step(plan, action, value)]
        except StopIteration as stop:
            return stop.value
        except BaseException:
            if plan is not None:
                timer.record(plan, True)
            raise
        if plan is not None:
            timer.record(plan, False, _arguments(subject))
        action, value = inner.send, None
        try:
            value = yield box.pop()
        except GeneratorExit:
            inner.close()
            raise
        except BaseException as error:
            action, value = inner.throw, error


@types.coroutine
def _until_done(timer, inner, subject):
    """Awaits inner: one value, from its first step to its last, waiting included; only what its own
    steps call is inside of it."""
    plan = timer.open(_arguments(subject), {})
    action, value = inner.send, None
    while True:
        try:
            box = [timer.step(plan, action, value)]
        except StopIteration as stop:
            if plan is not None:
                timer.record(plan, False, _arguments(subject))
            return stop.value
        except BaseException as error:
            if plan is not None and not isinstance(error, StopAsyncIteration):
                timer.record(plan, True)
            raise
        action, value = inner.send, None
        try:
            value = yield box.pop()
        except GeneratorExit:
            inner.close()
            raise
        except BaseException as error:
            action, value = inner.throw, error
