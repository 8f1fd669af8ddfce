from rosbag2_py._writer import SequentialWriter, SequentialCompressionWriter  # noqa: F401
