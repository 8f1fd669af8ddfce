from .tts import gTTS  # noqa: F401
