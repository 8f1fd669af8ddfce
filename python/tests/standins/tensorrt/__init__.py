class IExecutionContext:
    def execute_v2(self, bindings):
        return True

    def execute_async_v3(self, stream_handle):
        return True
