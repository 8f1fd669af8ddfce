"""gTTS. The speech is made by a server: its time is waiting for the network, and no inference of
this machine. save calls write_to_fp, which takes the parts from the generator stream."""


def install(module, tools):
    for method in ("save", "write_to_fp", "stream"):
        tools.span(module.gTTS, method, "gtts synthesis", wait=True)
