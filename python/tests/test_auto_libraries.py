"""Each library of the table, as a stand-in or the real one: what is recorded under which name."""
import functools
import importlib
import io
import os
import sys
import tempfile
import types
import unittest

from auto_support import Probe, environment, hooked
from tacho.auto import hooks

REAL = ()  # no folder in front: what is installed here


def real(name):
    """Skips where the library is not installed for this interpreter."""
    try:
        found = importlib.util.find_spec(name) is not None
    except ImportError:
        found = False
    return unittest.skipUnless(found, "%s is not installed for %s" % (name, sys.executable))


class Table(unittest.TestCase):
    def test_every_row_has_a_file_and_every_file_a_row(self):
        folder = os.path.dirname(hooks.__file__)
        files = {name[:-3] for name in os.listdir(folder) if name.endswith(".py")}
        self.assertEqual(files - {"__init__"}, set(hooks.TABLE.values()))
        for file in set(hooks.TABLE.values()):
            module = importlib.import_module("tacho.auto.hooks." + file)
            self.assertTrue(callable(module.install) and module.__doc__)


class Onnxruntime(unittest.TestCase):
    def test_sessions(self):
        with hooked() as (probe, _):
            import onnxruntime
            session = onnxruntime.InferenceSession("model.onnx")
            for _ in range(4):
                self.assertEqual(session.run(None, {"x": 1}), [{"x": 1}])
            session.run_with_iobinding(object())
            self.assertEqual(session.calls, 5)
        self.assertEqual(probe.count("inference first"), 1)
        self.assertEqual(probe.count("inference"), 4)
        self.assertEqual(probe.count("onnxruntime run"), 4)

    def test_each_session_has_its_first_run(self):
        with hooked() as (probe, _):
            import onnxruntime
            for _ in range(3):
                onnxruntime.InferenceSession("model.onnx").run(None, 1)
        self.assertEqual(probe.count("inference first"), 3)
        self.assertEqual(probe.count("inference"), 0)

    def test_errors(self):
        with hooked() as (probe, _):
            import onnxruntime
            session = onnxruntime.InferenceSession("model.onnx")
            with self.assertRaises(ValueError):
                session.run(None, None)
        self.assertEqual(probe.errors("inference first"), 1)

    def test_run_async_ends_with_its_callback(self):
        got = []
        with hooked() as (probe, _):
            import onnxruntime
            session = onnxruntime.InferenceSession("model.onnx")
            for _ in range(2):
                session.run_async(None, 7, lambda *answer: got.append(answer), "mine")
        self.assertEqual(got, [([7], "mine", "")] * 2)
        self.assertEqual(probe.done, [("onnxruntime run first", False), ("inference first", False),
                                      ("onnxruntime run", False), ("inference", False)])


class Torch(unittest.TestCase):
    def test_only_the_outermost_module_counts(self):
        with hooked() as (probe, _):
            import torch
            model = torch.nn.Sequential(torch.nn.Linear(), torch.nn.ReLU(), torch.nn.Linear())
            for _ in range(3):
                self.assertEqual(model(5), 5)
        self.assertEqual(probe.count("inference first"), 1)
        self.assertEqual(probe.count("inference"), 2)
        self.assertEqual(probe.count("torch forward"), 2)

    def test_transforms_and_losses_are_no_models(self):
        with hooked() as (probe, _):
            import torch
            torch.nn.Sequential(torch.nn.ReLU())(1)
        self.assertEqual(probe.done, [])

    def test_scripted_modules(self):
        with hooked() as (probe, _):
            import torch
            model = torch.jit.load("model.pt")
            model(1), model(1)
        self.assertEqual(probe.count("inference"), 1)

    def on_gpu(self, probe, torch, **state):
        torch.cuda.STATE.update(initialized=True, **state)
        model = torch.nn.Linear(is_cuda=True)
        for _ in range(3):
            model(1)
        torch.cuda.STATE.update(done=True)
        model(1)
        return model

    def test_on_a_gpu_an_inference_is_what_the_events_say(self):
        with hooked() as (probe, _):
            import torch
            self.on_gpu(probe, torch)
        # The calls only enqueue: they are no inferences.
        self.assertEqual(probe.count("inference"), 0)
        self.assertEqual(probe.count("torch forward"), 3)
        self.assertEqual(probe.records, [
            ("inference first", 2500000), ("torch forward gpu", 2500000),
            ("inference", 2500000), ("torch forward gpu", 2500000),
            ("inference", 2500000), ("torch forward gpu", 2500000)])

    def test_a_graph_that_is_captured_is_left_alone(self):
        with hooked() as (probe, _):
            import torch
            self.on_gpu(probe, torch, capturing=True)
            self.assertEqual(torch.cuda.STATE["events"], 0)

    def test_the_compiler_is_kept_out_of_our_frames(self):
        skipped = []
        inner = types.ModuleType("torch._C")
        inner._dynamo = types.SimpleNamespace(
            eval_frame=types.SimpleNamespace(skip_code=skipped.append))
        with hooked() as (_, found):
            sys.modules["torch._C"] = inner
            import torch
            self.assertIn(vars(torch.nn.Module)["__call__"].__code__, skipped)
        names = {code.co_name for code in skipped}
        self.assertLessEqual({"timed", "enter", "leave", "_plan", "_is_model"}, names)

    @real("torch")
    def test_the_real_one(self):
        with hooked(folders=REAL) as (probe, found):
            if "torch" in sys.modules:
                self.skipTest("torch cannot be imported twice")
            import torch
            model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())
            value = torch.ones(1, 4)
            for _ in range(3):
                model(value)
            self.assertEqual(probe.count("inference"), 2)
            self.assertEqual(probe.marks, [])
            scripted = torch.jit.script(model)
            buffer = io.BytesIO()
            torch.jit.save(scripted, buffer)
            buffer.seek(0)
            loaded = torch.jit.load(buffer)
            traced = torch.jit.trace(model, value)
            probe.done.clear()
            for module in (loaded, traced):
                for _ in range(2):
                    self.assertTrue(torch.allclose(module(value), model(value)))
            self.assertEqual(probe.count("inference first"), 2)
            buffer = io.BytesIO()
            torch.save(model, buffer)
            buffer.seek(0)
            self.assertTrue(torch.allclose(torch.load(buffer)(value), model(value)))


class Ultralytics(unittest.TestCase):
    def test_what_the_library_measured_is_the_inference(self):
        with hooked() as (probe, _):
            import ultralytics
            model = ultralytics.YOLO("yolo.pt")
            for _ in range(3):
                self.assertEqual([result.image for result in model([["a"]])], ["a"])
        values = [value for name, value in probe.records if name.startswith("inference")]
        self.assertEqual(values, [24000000] * 3)
        self.assertEqual([name for name, _ in probe.records].count("inference"), 2)
        self.assertEqual(dict(probe.records)["ultralytics preprocess"], 1000000)
        self.assertEqual(dict(probe.records)["ultralytics postprocess"], 3000000)
        # The model inside is torch's, but no second inference.
        self.assertEqual(probe.count("inference"), 0)
        self.assertEqual(probe.count("torch forward"), 2)
        self.assertEqual(probe.count("ultralytics predict"), 2)

    def test_stream_true_is_timed_by_step(self):
        with hooked() as (probe, _):
            import ultralytics
            model = ultralytics.YOLO("yolo.pt")
            results = model.predict([["a"], ["b"], ["c"]], stream=True)
            self.assertEqual(probe.done, [])
            self.assertEqual([result.image for result in results], ["a", "b", "c"])
        self.assertEqual(probe.count("ultralytics predict first"), 1)
        self.assertEqual(probe.count("ultralytics predict"), 2)

    def test_a_batch_is_one_inference(self):
        with hooked() as (probe, _):
            import ultralytics
            list(ultralytics.YOLO("yolo.pt")([["a", "b", "c"], ["d", "e", "f"]], stream=True))
        values = [value for name, value in probe.records if name.startswith("inference")]
        self.assertEqual(values, [72000000] * 2)
        self.assertEqual(probe.count("ultralytics predict"), 1)

    def test_errors_pass(self):
        with hooked() as (probe, _):
            import ultralytics
            with self.assertRaises(ValueError):
                ultralytics.YOLO("yolo.pt")(["broken"])
        self.assertEqual(probe.errors("ultralytics predict first"), 1)


class OtherEngines(unittest.TestCase):
    def test_tflite_whichever_is_imported(self):
        for name in ("tflite_runtime.interpreter", "tensorflow.lite.python.interpreter",
                     "ai_edge_litert.interpreter"):
            with self.subTest(name), hooked() as (probe, _):
                interpreter = importlib.import_module(name).Interpreter("model.tflite")
                for _ in range(3):
                    interpreter.invoke()
                self.assertEqual(probe.count("inference"), 2)
                self.assertEqual(probe.count("tflite invoke"), 2)

    def test_tensorrt_enqueueing_is_no_inference(self):
        with hooked() as (probe, _):
            import tensorrt
            context = tensorrt.IExecutionContext()
            for _ in range(3):
                context.execute_v2([])
                context.execute_async_v3(0)
        self.assertEqual(probe.count("inference"), 2)
        self.assertEqual(probe.count("tensorrt execute"), 2)
        self.assertEqual(probe.count("tensorrt enqueue"), 3)

    def test_openvino_counts_once(self):
        with hooked() as (probe, _):
            import openvino
            model = openvino.CompiledModel()
            for _ in range(3):
                self.assertEqual(model([1]), [1])
            request = model.create_infer_request()
            for _ in range(3):
                request.infer([1])
        self.assertEqual(probe.count("inference first"), 2)
        self.assertEqual(probe.count("inference"), 4)

    def test_transformers_pipelines(self):
        with hooked() as (probe, _):
            from transformers.pipelines.base import TextClassificationPipeline
            pipeline = TextClassificationPipeline()
            for _ in range(3):
                pipeline("text")
            self.assertEqual(probe.count("inference"), 2)
            self.assertEqual(probe.count("transformers pipeline"), 2)
            probe.done.clear()
            self.assertEqual(list(pipeline(iter("abc"))), ["a", "b", "c"])
        # Only an iterator was made; the model's calls are the inferences.
        self.assertEqual(probe.count("transformers pipeline"), 0)
        self.assertEqual(probe.count("inference"), 3)

    def test_gtts_waits_for_the_network(self):
        with hooked() as (probe, _), tempfile.TemporaryDirectory() as folder:
            import gtts
            speech = gtts.gTTS("one two three")
            speech.save(os.path.join(folder, "speech.mp3"))
            speech.write_to_fp(io.BytesIO())
        self.assertEqual(probe.done, [("gtts synthesis", False)] * 2)
        self.assertEqual(probe.flags("gtts synthesis"), Probe.AUTO | Probe.WAIT)


class Sources(unittest.TestCase):
    def test_picamera2(self):
        with hooked() as (probe, _):
            import picamera2
            camera = picamera2.Picamera2(1)
            for _ in range(3):
                self.assertEqual(camera.capture_array(), ["main"])
            camera.capture_array(wait=False)
            camera.capture_array("main", False)
            camera.capture_request(signal_function=print)
        self.assertEqual(probe.count("picamera2 capture"), 3)
        self.assertEqual(probe.frames, ["camera1"] * 3)
        self.assertEqual(probe.flags("picamera2 capture"), Probe.AUTO | Probe.WAIT)

    def ros(self, callback):
        Image = type("Image", (), {})
        with hooked() as (probe, _):
            import rclpy
            node = rclpy.Node()
            subscription = node.create_subscription(Image, "/secret/camera", callback, 10)
            imu = node.create_subscription(type("Imu", (), {}), "/imu", callback=callback,
                                           qos_profile=10)
            answers = [subscription.deliver("a"), subscription.deliver("b"), imu.deliver("c")]
            node.create_publisher(Image, "/out", 10).publish("x")
        return probe, answers

    def test_rclpy_callbacks(self):
        probe, answers = self.ros(lambda message: message * 2)
        self.assertEqual(answers, ["aa", "bb", "cc"])
        self.assertEqual(probe.count("ros callback"), 3)
        self.assertEqual(probe.frames, ["ros image 0"] * 2)
        self.assertEqual(probe.count("ros publish"), 1)

    def test_rclpy_callbacks_of_every_kind(self):
        class Node:
            def with_info(self, message, info):
                return message, info

        async def coroutine(message):
            return message

        self.assertEqual(self.ros(Node().with_info)[1][0], ("a", {}))
        self.assertEqual(self.ros(functools.partial(lambda extra, m: m + extra, "!"))[1][0], "a!")
        self.assertEqual(self.ros(coroutine)[1], ["a", "b", "c"])

    def test_topics_only_if_asked_for(self):
        probe, _ = self.ros(lambda message: message)
        self.assertFalse([name for name, _, _ in probe.names if "secret" in name])
        with environment(TACHO_AUTO_TOPICS="1"):
            probe, _ = self.ros(lambda message: message)
        self.assertEqual(probe.count("ros callback /secret/camera"), 2)
        self.assertEqual(probe.frames, ["ros image 0 /secret/camera"] * 2)
        self.assertEqual(probe.count("ros publish /out"), 1)

    def test_rosbag2_re_exports_are_the_same_classes(self):
        with hooked() as (probe, _):
            from rosbag2_py import SequentialWriter
            writer, message = SequentialWriter(), bytearray(b"data")
            writer.write("/secret", message, 5)
        self.assertIs(writer.written[0][1], message)
        self.assertEqual(probe.done, [("rosbag2 write", False)])


class Paho(unittest.TestCase):
    @real("paho.mqtt.client")
    def test_publish(self):
        for variables, name in (({}, "mqtt publish"),
                                ({"TACHO_AUTO_TOPICS": "1"}, "mqtt publish home/door")):
            with environment(**variables), hooked(folders=REAL) as (probe, _):
                from paho.mqtt import client
                arguments = ()
                if hasattr(client, "CallbackAPIVersion"):
                    arguments = (client.CallbackAPIVersion.VERSION2,)
                publisher = client.Client(*arguments)
                info = publisher.publish("home/door", b"payload")
                publisher.publish(topic="home/door", payload=b"payload")
                self.assertEqual(info.rc, client.MQTT_ERR_NO_CONN)
            self.assertEqual(probe.done, [(name, False)] * 2)


class OpenCv(unittest.TestCase):
    def video(self, cv2, folder, frames):
        import numpy
        file = os.path.join(folder, "video.avi")
        writer = cv2.VideoWriter(file, cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
        self.assertIsInstance(writer, cv2.VideoWriter)
        for _ in range(frames):
            writer.write(numpy.zeros((48, 64, 3), numpy.uint8))
        writer.release()
        return file

    @real("cv2")
    def test_the_real_one(self):
        with hooked(folders=REAL) as (probe, _), tempfile.TemporaryDirectory() as folder:
            import cv2
            capture = cv2.VideoCapture(self.video(cv2, folder, 5))
            self.assertTrue(capture.isOpened())
            self.assertIsInstance(capture, cv2.VideoCapture)
            self.assertEqual(capture.get(cv2.CAP_PROP_FRAME_WIDTH), 64)
            self.assertTrue(capture.grab())
            self.assertEqual(capture.retrieve()[1].shape, (48, 64, 3))
            images = 0
            while capture.read()[0]:
                images += 1
            capture.release()
        self.assertEqual(images, 4)
        self.assertEqual(probe.frames, ["video0"] * 5)
        self.assertEqual(probe.count("opencv read"), 6)  # the last one found the end
        self.assertEqual(probe.count("opencv write"), 5)
        self.assertEqual(probe.flags("opencv read"), Probe.AUTO | Probe.WAIT)
        self.assertEqual(probe.count("inference"), 0)

    @real("cv2")
    def test_programs_may_inherit(self):
        with hooked(folders=REAL) as (probe, _), tempfile.TemporaryDirectory() as folder:
            import cv2

            class Camera(cv2.VideoCapture):
                def read(self):
                    return super().read()[1]

            camera = Camera()
            self.assertFalse(camera.isOpened())
            camera.open(self.video(cv2, folder, 1))
            self.assertEqual(camera.read().shape, (48, 64, 3))
            for _ in range(500):  # an interpreter that frees them wrongly dies here
                Camera()
        self.assertEqual(probe.frames, ["video0"])

    def test_names_of_cameras(self):
        from tacho.auto.hooks.opencv import _Cameras
        cameras = _Cameras(None)
        for source, name in ((0, "camera0"), (202, "camera2"), ("/dev/video3", "camera3"),
                             ("rtsp://user:password@host/", "video0"), ("a.mp4", "video1")):
            self.assertEqual(cameras.channel(source), name)


if __name__ == "__main__":
    unittest.main()
