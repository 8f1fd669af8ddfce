"""Pipelines of transformers: one call is one inference, whatever runs inside it. A call that only
returns an iterator is left alone; then each forward of the model counts (see torch)."""
import sys


def _is_lazy(arguments, keywords):
    inputs = arguments[1] if len(arguments) > 1 else keywords.get("inputs")
    data = sys.modules.get("torch.utils.data")
    dataset = getattr(data, "Dataset", ())
    return isinstance(inputs, dataset) or hasattr(inputs, "__next__")


def install(module, tools):
    tools.model(module.Pipeline, "__call__", "transformers pipeline", is_untimed=_is_lazy)
