class gTTS:
    def __init__(self, text, lang="en"):
        self.text = text

    def stream(self):
        for part in self.text.split():
            yield part.encode()

    def write_to_fp(self, fp):
        for part in self.stream():
            fp.write(part)

    def save(self, savefile):
        with open(savefile, "wb") as file:
            self.write_to_fp(file)
