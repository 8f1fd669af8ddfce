#!/usr/bin/env python3
"""screen_pty.py: runs a program on a pseudo-terminal and tells what it did there.

usage: screen_pty.py [--term NAME] [--size WxH] [--log FILE] STEP... -- CMD [ARG...]

Steps, in order: wait:SECONDS  until:TEXT (of the output so far, at most 20 s)  forget (the output)
idle:SECONDS (prints idle_bytes, what was written meanwhile)  keys:TEXT  resize:WxH  signal:NAME
stop-cont (Ctrl-Z, then SIGCONT)  ascii (prints whether the output so far is)  end (waits for the end).
At the end prints, as NAME=VALUE lines: exit (status, or -SIGNAL), restored (yes: the terminal's
settings are those from before), alternate (the second screen: left, entered, none), cursor, colours,
escapes. The output goes to FILE.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_S = 20


def yes(is_so):
    return "yes" if is_so else "no"


def act_as_shell(slave, tell, term, command):
    """The leader of the terminal's session: Ctrl-Z stops only programs that have such a parent."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(slave, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 256)
        os.environ["TERM"] = term
        os.environ.pop("COLUMNS", None)
        os.environ.pop("LINES", None)
        os.execvp(command[0], command)
    os.write(tell, b"%d\n" % child)
    _, status = os.waitpid(child, 0)
    os.write(tell, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


class Terminal:
    def __init__(self, term, width, height, command):
        self.seen = b""
        self.all = b""
        self.is_open = True
        self.master, slave = pty.openpty()
        self.slave = slave
        self.resize(width, height)
        self.before = termios.tcgetattr(slave)
        news, tell = os.pipe()
        self.shell = os.fork()
        if self.shell == 0:
            os.close(news)
            act_as_shell(slave, tell, term, command)
        os.close(tell)
        self.news = os.fdopen(news)
        self.pid = int(self.news.readline())
        self.status = None

    def resize(self, width, height):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self, seconds, until=None):
        """Reads for so long, or until the text is there. Returns the number of bytes."""
        deadline = time.monotonic() + seconds
        count = 0
        while time.monotonic() < deadline and self.status is None:
            if until and until in self.seen:
                break
            ready, _, _ = select.select([self.master] if self.is_open else [], [], [], 0.05)
            if ready:
                data = os.read(self.master, 65536)
                self.seen += data
                self.all += data
                count += len(data)
            else:
                self.poll()
        return count

    def poll(self):
        if select.select([self.news], [], [], 0)[0]:
            self.status = int(self.news.readline())
            os.waitpid(self.shell, 0)

    def step(self, step):
        name, _, value = step.partition(":")
        if name == "wait":
            self.read(float(value))
        elif name == "idle":
            print("idle_bytes=%d" % self.read(float(value)))
        elif name == "until":
            self.read(PATIENCE_S, value.encode())
            if value.encode() not in self.seen:
                print("missing=%s" % value)
        elif name == "forget":
            self.read(0.3)
            self.seen = b""
        elif name == "keys":
            os.write(self.master, value.encode())
        elif name == "resize":
            width, height = value.split("x")
            self.resize(int(width), int(height))
        elif name == "signal":
            os.kill(self.pid, getattr(signal, "SIG" + value))
        elif name == "stop-cont":
            self.stop_and_continue()
        elif name == "ascii":
            print("screen_ascii=%s" % yes(all(byte < 0x80 for byte in self.seen)))
        elif name == "end":
            self.read(PATIENCE_S)
        else:
            sys.exit("unknown step " + step)

    def stop_and_continue(self):
        os.write(self.master, b"\x1a")
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.read(0.1)
            with open("/proc/%d/stat" % self.pid, encoding="ascii", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] == "T":
                    break
        print("stopped_restored=%s" % self.is_restored())
        print("stopped_alternate=%s" % self.alternate())
        self.seen = b""
        os.kill(self.pid, signal.SIGCONT)

    def is_restored(self):
        return yes(termios.tcgetattr(self.slave) == self.before)

    def alternate(self):
        last = re.findall(rb"\x1b\[\?1049([hl])", self.all)
        return "none" if not last else "entered" if last[-1] == b"h" else "left"

    def report(self):
        cursor = re.findall(rb"\x1b\[\?25([hl])", self.all)
        print("exit=%s" % ("running" if self.status is None else self.status))
        print("restored=%s" % self.is_restored())
        print("alternate=%s" % self.alternate())
        print("cursor=%s" % ("hidden" if cursor and cursor[-1] == b"l" else "shown"))
        print("colours=%s" % yes(re.search(rb"\x1b\[[0-9;]*3[0-7]m", self.all)))
        print("escapes=%s" % yes(b"\x1b" in self.all))


def main(argv):
    if "--" not in argv:
        sys.exit(__doc__)
    steps, command = argv[:argv.index("--")], argv[argv.index("--") + 1:]
    term, size, log = "xterm-256color", "80x24", None
    while steps and steps[0].startswith("--"):
        name, value = steps.pop(0), steps.pop(0)
        if name == "--term":
            term = value
        elif name == "--size":
            size = value
        elif name == "--log":
            log = value
        else:
            sys.exit("unknown option " + name)
    width, height = size.split("x")
    terminal = Terminal(term, int(width), int(height), command)
    for step in steps:
        try:
            terminal.step(step)
        except (ProcessLookupError, FileNotFoundError):
            print("missing=the process, at " + step)
    terminal.report()
    if terminal.status is None:
        os.kill(terminal.pid, signal.SIGKILL)
        os.waitpid(terminal.shell, 0)
    if log:
        with open(log, "wb") as file:
            file.write(terminal.all)


if __name__ == "__main__":
    main(sys.argv[1:])
