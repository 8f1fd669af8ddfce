"""Ultralytics. Everything that predicts goes through the generator BasePredictor.stream_inference.

A step of it also waits for the source (a camera's next image), and the first loads and warms up the
model: that is "ultralytics predict". The inference itself is what the library measured: the three
stages in result.speed, per image, with the GPU synchronised by the library. A batch is one
inference; its further results cost nothing and are not timed.
"""
import time

from ..timing import steps, weak

STAGES = ("preprocess", "inference", "postprocess")


class _Predictions:
    """The timer of one generator: it knows which steps run a batch, and what the batch cost."""

    def __init__(self, tools, predictor):
        self._tools = tools
        self._timer = tools.timer("ultralytics predict", is_model=True)
        self._predictor = weak(predictor)
        self._seen = 0
        self._ready = 0  # results of this batch still to come

    def open(self, _arguments, _keywords):
        if self._ready > 0:
            self._ready -= 1
            return None
        return self._timer.open((self._predictor(),), {})

    def step(self, plan, action, value):
        result = self._timer.step(plan, action, value)
        if plan is not None:
            try:
                self._look_at(plan, result)
            except Exception:
                pass
        return result

    def _look_at(self, plan, result):
        predictor = self._predictor()
        speed = getattr(result, "speed", None)
        seen = getattr(predictor, "seen", 0)
        images = seen - self._seen if seen > self._seen else seen
        self._seen = seen
        self._ready = max(0, images - 1)
        if not plan.is_outermost or not isinstance(speed, dict) or images < 1:
            return
        self._record(plan, [float(speed[stage]) * images * 1e6 for stage in STAGES])
        plan.outer = None  # recorded: not the time of the step

    def _record(self, plan, stages_ns):
        probe, span = self._tools.probe, self._tools.recorder.span
        end_ns = time.monotonic_ns()
        if plan.outer is not None:
            probe.record(plan.outer, end_ns, int(sum(stages_ns)))
        for stage, duration_ns in zip(STAGES, stages_ns):
            probe.record(span("ultralytics " + stage), end_ns, int(duration_ns))

    def record(self, plan, is_error, arguments=()):
        self._timer.record(plan, is_error)


def install(module, tools):
    def wrap(stream):
        def stream_inference(predictor, *arguments, **keywords):
            timer = _Predictions(tools, predictor)
            inner = stream(predictor, *arguments, **keywords)
            del arguments, keywords, predictor
            return (yield from steps(timer, inner, None))

        return stream_inference

    tools.patch(module.BasePredictor, "stream_inference", wrap)
