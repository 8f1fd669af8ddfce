"""Time that a thread spends waiting for sockets, while somebody asks for it.

Only while at least one watch is open do the methods of socket.socket and ssl.SSLSocket that wait stand
behind a clock; afterwards they are what they were. Waiting in C code that opens sockets of its own
(libcurl, gRPC) is not seen.
"""
import socket
import threading
import time

_here = threading.local()
_lock = threading.Lock()
_open, _saved = [], []

_METHODS = ("connect", "recv", "recv_into", "recvfrom", "send", "sendall", "accept")
_TLS_METHODS = ("read", "write", "do_handshake", "connect")


def _timed(function):
    def wait(*arguments, **named):
        if getattr(_here, "is_waiting", False):  # sendall of TLS calls send: count once
            return function(*arguments, **named)
        _here.is_waiting, begin = True, time.monotonic()
        try:
            return function(*arguments, **named)
        finally:
            passed, thread = time.monotonic() - begin, threading.get_ident()
            _here.is_waiting = False
            for watch in list(_open):
                if watch.thread == thread:
                    watch.wait_s += passed
    return wait


def _replace(owner, name):
    has_own = name in vars(owner)
    _saved.append((owner, name, vars(owner).get(name), has_own))
    setattr(owner, name, _timed(getattr(owner, name)))


def _install():
    for name in _METHODS:
        _replace(socket.socket, name)
    _replace(socket, "getaddrinfo")
    try:
        import ssl
    except ImportError:
        return
    for name in _TLS_METHODS:
        _replace(ssl.SSLSocket, name)


def _remove():
    while _saved:
        owner, name, value, has_own = _saved.pop()
        if has_own:
            setattr(owner, name, value)
        else:
            delattr(owner, name)


class NetworkWatch:
    """`wait_s`: what this thread waited for sockets until close()."""

    def __init__(self):
        self.wait_s, self.thread = 0.0, threading.get_ident()
        with _lock:
            _open.append(self)
            if len(_open) == 1:
                _install()

    def close(self):
        with _lock:
            _open.remove(self)
            if not _open:
                _remove()
