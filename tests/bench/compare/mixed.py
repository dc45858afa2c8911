"""Reads and writes mixed, through several servers of a cluster at once, and how long each request took."""
import array
import contextlib
import os
import re
import subprocess
import tempfile
import time

import load
from servers import LOAD_CORE, Failed

SHARE_OF_PUTS = 10  # of a hundred requests, where reads and writes are mixed


class MixedLoad:
    """Runs the program of mixed_load/; its options are those of the program."""

    def __init__(self, program):
        self.program = program

    def command(self, server, options):
        ports = options.pop("ports", server.ports)
        return ["taskset", "-c", LOAD_CORE, self.program, "ports=" + ",".join(map(str, ports)),
                *(f"{name}={value}" for name, value in options.items())]

    def cost(self, server, **options):
        """Microseconds of processor time that the server spent per request."""
        return load.spent(server, self.command(server, options))

    def most(self, server, **options):
        """Requests per second, each sent when the one before it is answered."""
        count, seconds = re.search(r"(\d+) requests in (\S+) s", load.output_of(self.command(server, options))).groups()
        return int(count) / float(seconds)

    def times(self, server, **options):
        with self.beside(server, **options) as times:
            pass
        return times

    @contextlib.contextmanager
    def beside(self, server, **options):
        """Loads the server while the body runs. The times are there when it has ended."""
        times = Times()
        with tempfile.TemporaryDirectory() as folder:
            command = self.command(server, {**options, "log": f"{folder}/times"})
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                yield times
            except BaseException:
                process.kill()
                raise
            finally:
                trouble = process.communicate()[1]
            if process.returncode != 0:
                raise Failed(f"the load failed: {trouble}")
            times.read(f"{folder}/times")


class Times:
    """From the moment when a request was due until its answer was there."""

    def __init__(self):
        self.due = self.took = ()

    def read(self, path):
        values = array.array("q")
        with open(path, "rb") as file:
            values.fromfile(file, os.path.getsize(path) // values.itemsize)
        self.due, self.took = values[0::2], values[1::2]

    def between(self, begin, end):
        """Milliseconds of the requests that were due between two times of time.monotonic(), sorted."""
        return sorted(took / 1e6 for due, took in zip(self.due, self.took) if begin * 1e9 <= due < end * 1e9)

    def all(self):
        return self.between(0, time.monotonic())


def percentile(times, hundredths):
    """Of sorted times."""
    return times[min(len(times) - 1, int(len(times) * hundredths / 100))]
