#!/usr/bin/env python3
"""recorder.py: a recorder with a queue between receiving and writing; it leaks on request.

    tacho run -- python3 examples/recorder.py --seconds 20
    tacho monitor --profile recorder -- python3 examples/recorder.py --leak --seconds 120

Messages of a fixed size arrive at a fixed rate and are written to a file by another thread.
With --leak a second queue gets each message, too, and nobody ever reads it: the fault that is
so often taken for a leak in a library. Seen from outside: `received` (work), `written`,
`dropped`, the gauges `queue` and, with --leak, `second_queue`, the span `write`, and a mark
after each step of the start-up.
"""
import argparse
import queue
import sys
import tempfile
import threading
import time

import tacho


def positive(text):
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("%s is not above 0" % text)
    return value


def arguments():
    parser = argparse.ArgumentParser(description="A recorder with a bounded queue.")
    parser.add_argument("--seconds", type=positive, default=20, help="how long (20)")
    parser.add_argument("--rate", type=positive, default=20, help="messages a second (20)")
    parser.add_argument("--message-kb", type=positive, default=64, help="size of one (64)")
    parser.add_argument("--queue", type=int, default=50, help="room in the queue (50)")
    parser.add_argument("--write-ms", type=float, default=0, help="a disk so slow (0)")
    parser.add_argument("--leak", action="store_true", help="keep each message for ever")
    return parser.parse_args()


class Recorder:
    """Writes what is put into its queue; counts what it had no room for."""

    def __init__(self, file, room, write_s):
        self.file, self.write_s = file, write_s
        self.messages = queue.Queue(room)
        self.thread = threading.Thread(target=self.run, name="writer")
        self.written = self.dropped = 0

    def put(self, message):
        try:
            self.messages.put_nowait(message)
        except queue.Full:
            self.dropped += 1
            tacho.dropped("dropped")
        tacho.gauge("queue", self.messages.qsize())

    def run(self):
        for message in iter(self.messages.get, None):
            with tacho.span("write"):
                self.file.write(message)
                self.file.flush()
                time.sleep(self.write_s)
            # A recording of hours must not fill the disk of whoever tries the example.
            if self.file.tell() > 64 << 20:
                self.file.seek(0)
            self.written += 1
            tacho.counter("written")
            tacho.gauge("queue", self.messages.qsize())

    def close(self):
        self.messages.put(None)
        self.thread.join()


def receive(options, recorder, second):
    """Messages on absolute time, so that a slow moment is made up for and the rate holds."""
    begin = time.monotonic()
    size = int(options.message_kb * 1024)
    count = int(options.seconds * options.rate)
    for i in range(count):
        time.sleep(max(0.0, begin + i / options.rate - time.monotonic()))
        message = b"%08d" % i + b"x" * (size - 8)
        tacho.work("received")
        if second is not None:
            second.put(message)
            tacho.gauge("second_queue", second.qsize())
        recorder.put(message)
    return count


def main():
    options = arguments()
    tacho.mark("init_start")
    with tempfile.TemporaryFile() as file:
        recorder = Recorder(file, options.queue, options.write_ms / 1000)
        tacho.mark("after BagRecorder")
        recorder.thread.start()
        second = queue.Queue() if options.leak else None
        tacho.mark("ready")
        received = receive(options, recorder, second)
        recorder.close()
        tacho.mark("after_stop")
    print("received %d, written %d, dropped %d" % (received, recorder.written, recorder.dropped))
    return 0


if __name__ == "__main__":
    sys.exit(main())
