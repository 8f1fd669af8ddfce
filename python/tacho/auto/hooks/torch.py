"""PyTorch. Module.__call__ is what every call of a model goes through, TorchScript and compiled
models included; a patch of an instance would not be seen. Only the outermost module counts.

Transforms, losses and activations are modules, too: what has neither parameters nor buffers is no
model. On a GPU the call returns when the work is enqueued; the time between two events on the
stream is asked for later, without waiting: it is the inference, "torch forward" the enqueueing.
"""
import collections
import sys
import time
import types

from .. import timing

PENDING_MAX = 256


def _is_model(module):
    """Also: TorchScript's and quantised modules, which keep their weights elsewhere."""
    for tensors in (module.parameters(), module.buffers()):
        if next(iter(tensors), None) is not None:
            return True
    return any("quantized" in type(part).__module__ or hasattr(part, "_c")
               for part in module.modules())


class _Device:
    """Times on the GPU, by pairs of CUDA events."""

    def __init__(self, tools):
        self._tools = tools
        self._pending = collections.deque(maxlen=PENDING_MAX)

    def begin(self, module):
        """An event that was recorded, or None: not on a GPU."""
        self._collect()
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        if cuda is None or not cuda.is_initialized():
            return None
        parameter = next(iter(module.parameters()), None)
        if parameter is None or not parameter.is_cuda or cuda.is_current_stream_capturing():
            return None
        event = cuda.Event(enable_timing=True)
        event.record()
        return event

    def end(self, begin, span, is_error):
        """Errors have no duration on the device."""
        if is_error:
            return
        try:
            end = sys.modules["torch"].cuda.Event(enable_timing=True)
            end.record()
            self._pending.append((begin, end, span, time.monotonic_ns()))
        except Exception:
            pass

    def _collect(self):
        """Those that are done: query() does not wait."""
        while self._pending and self._pending[0][1].query():
            begin, end, span, end_ns = self._pending.popleft()
            duration_ns = int(begin.elapsed_time(end) * 1e6)
            self._tools.probe.record(span, end_ns, duration_ns)
            self._tools.probe.record(self._tools.recorder.span("torch forward gpu"), end_ns,
                                     duration_ns)


def _hide_from_compiler(wrapper):
    """torch.compile must not look into our frames: it would break its graph at them."""
    skip = getattr(getattr(sys.modules.get("torch._C"), "_dynamo", None), "eval_frame", None)
    skip = getattr(skip, "skip_code", None)
    if skip is None:
        return
    functions = [wrapper]
    for owner in (timing.Timer, timing.Recorder, timing._Inside, timing, _Device,
                  sys.modules[__name__]):
        functions += [item for item in vars(owner).values() if isinstance(item, types.FunctionType)]
    for function in functions:
        skip(function.__code__)


def install(module, tools):
    device = _Device(tools)
    tools.model(module.Module, "__call__", "torch forward", accept=_is_model, device=device)
    _hide_from_compiler(vars(module.Module)["__call__"])
