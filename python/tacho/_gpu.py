"""NVIDIA GPUs as NVML tells them, by ctypes; nothing where there is none. torch is never imported: only
if the program has done so is it asked."""
import ctypes
import os
import sys
import threading

MB = 1 << 20
_POLL_S = 0.05
_state = {}
_lock = threading.Lock()


class _Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


class _Utilization(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint) for name in ("gpu", "memory")]


def _open():
    """(library, device 0), or (None, why not)."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
        if library.nvmlInit_v2() != 0:
            return None, "the NVIDIA driver does not answer"
        device = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) != 0:
            return None, "no NVIDIA GPU"
        return library, device
    except (OSError, AttributeError) as error:
        return None, "no NVML: %s" % error


def nvml():
    with _lock:
        if "nvml" not in _state:
            _state["nvml"] = _open()
        return _state["nvml"]


def _ask(name, value):
    library, device = nvml()
    if library is None:
        return None
    function = getattr(library, name, None)
    if function is None or function(device, ctypes.byref(value)) != 0:
        return None
    return value


def memory():
    """(used, total) bytes, or (None, None)."""
    answer = _ask("nvmlDeviceGetMemoryInfo", _Memory())
    # Boards whose memory is the machine's own answer 0.
    return (answer.used, answer.total) if answer and answer.total else (None, None)


def utilization():
    answer = _ask("nvmlDeviceGetUtilizationRates", _Utilization())
    return answer.gpu if answer else None


def temperature():
    library, device = nvml()
    value = ctypes.c_uint()
    if library is None or library.nvmlDeviceGetTemperature(device, 0, ctypes.byref(value)) != 0:
        return None
    return value.value


def name():
    library, device = nvml()
    text = ctypes.create_string_buffer(96)
    if library is None or library.nvmlDeviceGetName(device, text, 96) != 0:
        return None
    return text.value.decode("utf-8", "replace")


def cuda_version():
    library, _ = nvml()
    value = ctypes.c_int()
    if library is None or library.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(value)) != 0:
        return None
    return "%d.%d" % (value.value // 1000, value.value % 1000 // 10)


def torch():
    """torch, if the program uses it with CUDA; else None."""
    module = sys.modules.get("torch")
    try:
        is_there = module is not None and module.cuda.is_available()
        return module if is_there and module.cuda.is_initialized() else None
    except Exception:  # a half-imported or foreign torch is none
        return None


def _wait_by_driver():
    """Waits for this thread's CUDA context, whoever made it (onnxruntime, cupy, TensorRT). True: there is
    nothing (any more) to wait for, also where no CUDA is in this process at all."""
    try:
        library = ctypes.CDLL("libcuda.so.1", mode=os.RTLD_NOLOAD)
    except OSError:
        return True
    context = ctypes.c_void_p()
    try:
        return (library.cuCtxGetCurrent(ctypes.byref(context)) == 0 and bool(context.value) and
                library.cuCtxSynchronize() == 0)
    except AttributeError:
        return False


class GpuWatch:
    """Samples utilisation and memory every 50 ms while it is open: a look afterwards sees an idle GPU."""

    def __init__(self):
        self.torch = torch()
        # A block that loads a model may be the first to use CUDA: then nothing was allocated before.
        self.begin_allocated = self.torch.cuda.memory_allocated() if self.torch else 0
        if self.torch:
            self.torch.cuda.reset_peak_memory_stats()
        self._loads, self._used, self._is_over = [], [], threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tacho-gpu", daemon=True)
        self._thread.start()

    def _watch(self):
        while True:
            load, (used, _) = utilization(), memory()
            if load is not None:
                self._loads.append(load)
            if used is not None:
                self._used.append(used)
            if self._is_over.wait(_POLL_S):
                return

    def synchronize(self):
        """Waits until the GPU has done what was queued; False: nobody here can."""
        self.torch = self.torch or torch()
        if self.torch:
            self.torch.cuda.synchronize()
            return True
        return _wait_by_driver()

    def close(self):
        self._is_over.set()
        self._thread.join()
        mb = (lambda value: None if value is None else round(value / MB, 2))
        ask = self.torch.cuda if self.torch else None
        return {
            "gpu_memory_mb": mb(ask.memory_allocated() if ask else self._used[-1]
                                if self._used else None),
            "gpu_max_memory_mb": mb(ask.max_memory_allocated() if ask else max(self._used)
                                    if self._used else None),
            "gpu_memory_allocated": mb(ask.memory_allocated() - self.begin_allocated
                                       if ask else self._used[-1] - self._used[0]
                                       if self._used else None),
            "gpu_utilization": (round(sum(self._loads) / len(self._loads), 1)
                                if self._loads else None),
            "gpu_temperature": temperature(),
        }
