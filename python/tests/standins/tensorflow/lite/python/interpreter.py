class Interpreter:
    def __init__(self, model_path=None):
        self.model_path = model_path

    def invoke(self):
        """Invoke the interpreter."""
