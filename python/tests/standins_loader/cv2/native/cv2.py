class VideoCapture:
    pass


IS_NATIVE = True
