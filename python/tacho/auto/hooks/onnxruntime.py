"""ONNX Runtime. InferenceSession and its kin inherit from Session, so Session is what is hooked.

A fallback to another provider happens inside run and belongs to its time. With an I/O binding on a
GPU run_with_iobinding may return before the device is done. run_async ends with its callback.
"""
NAME = "onnxruntime run"


def _by_callback(tools, run_async):
    def ends_later(session, output_names, input_feed, callback, *args, **kwargs):
        end = tools.begin_async(NAME, session)

        def done(results, user_data, error):
            end(bool(error))
            return callback(results, user_data, error)

        return run_async(session, output_names, input_feed, done, *args, **kwargs)

    return ends_later


def install(module, tools):
    for method in ("run", "run_with_iobinding", "run_with_ort_values", "run_with_ortvaluevector"):
        tools.model(module.Session, method, NAME)
    tools.patch(module.Session, "run_async", lambda function: _by_callback(tools, function))
