"""A program that knows nothing of tacho: loads a model, runs it ARGV[1] times."""
import sys
import time

import onnxruntime


def main():
    session = onnxruntime.InferenceSession("model.onnx")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    answers = 0
    for index in range(count):
        time.sleep(0.001)
        answers += len(session.run(None, {"x": index}))
    print("%d answers" % answers)


if __name__ == "__main__":
    main()
