#!/usr/bin/env python3
"""make_latency.py FOLDER: writes latency.csv and latency_after.csv: three groups with a slow start, a
trend, a bad stretch and two kinds of work planted in them; the second file is steadier. The same
bytes on every machine: its own generator of random numbers, and no mathematics but + - * /.
"""
import os
import sys


class Random:
    def __init__(self, seed):
        self.state = seed

    def uniform(self):  # xorshift64*, Vigna 2016
        self.state ^= self.state >> 12
        self.state ^= (self.state << 25) & (2**64 - 1)
        self.state ^= self.state >> 27
        return ((self.state * 0x2545F4914F6CDD1D) % 2**64 >> 11) / 2**53

    def normal(self):  # of twelve uniform ones
        return sum(self.uniform() for _ in range(12)) - 6


def rows(random, spread):
    time_s = 1700000000.0
    for i in range(3000):
        time_s += 0.05
        kind = i % 3
        if kind == 0:    # a slow start and a bad stretch of ten seconds
            value = 20 + spread * 0.5 * random.normal()
            value += 15 if i < 60 else 0
            value += 6 if 1500 <= i < 1700 else 0
            yield time_s, "detector", 1, value, 20 + random.uniform()
        elif kind == 1:  # rises by 8 ms
            value = 40 + 8 * i / 3000 + spread * 0.8 * random.normal()
            yield time_s, "detector", 4, value, 25 + random.uniform()
        else:            # two kinds of frames
            value = (10 if random.uniform() < 0.7 else 18) + spread * 0.4 * random.normal()
            yield time_s, "classifier", 1, value, 12 + random.uniform()


def write(path, random, spread, broken):
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("# made by make_latency.py\n")
        file.write("timestamp,workload,batch_size,latency_ms,power_w,throughput\n")
        for number, (time_s, workload, batch, value, power) in enumerate(rows(random, spread)):
            file.write("%.3f,%s,%d,%.4f,%.2f,%.3f\n" % (time_s, workload, batch, value, power,
                                                      1000 / value))
            if broken and number == 1000:
                file.write("timestamp,workload,batch_size,latency_ms,power_w,throughput\n\n")
                file.write("1700000050.1,detector,1,oops,20,1\n")
                file.write("1700000050.2,detector,1,20.1\n")
                file.write("1700000050.3,detector,1,-4.5,20,1\n")
        if broken:
            file.write("1700000151.0,detector,1,2")


def main():
    folder = sys.argv[1]
    write(os.path.join(folder, "latency.csv"), Random(11), 1.0, True)
    write(os.path.join(folder, "latency_after.csv"), Random(12), 0.5, False)


if __name__ == "__main__":
    main()
