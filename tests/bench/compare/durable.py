"""Parts of the comparison: a node that keeps everything on disk."""
import contextlib
import os
import signal
import statistics
import tempfile
import time

import load
from servers import Server, eventually, http

PORT = 19200


class DurableNode(Server):
    """One dhtd with a directory, which can be started again."""

    def __init__(self, program, folder):
        super().__init__()
        self.folder = f"{folder}/dhtd"
        self.command = [program, "--host", "127.0.0.1", "--threads", "1", "--port", str(PORT), "--name", "n0",
                        "--data-dir", self.folder]

    def start(self, *arguments):
        self.run(*self.command, *arguments, port=PORT)
        return self

    def restart(self, *arguments):
        """Seconds from the start of the new process until it gives an entry; the old one is killed."""
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.processes, self.ports = [], []
        begun = time.monotonic()
        self.start(*arguments)
        eventually(self.gives_an_entry, "an answer of the node that was started again", 120)
        return time.monotonic() - begun

    def gives_an_entry(self):
        with contextlib.suppress(Exception):
            return http(PORT, "GET", f"/db/key:{0:012}") != b""
        return False

    def forget_files(self):
        """What the system has of them in memory, as far as it has been written."""
        for name in os.listdir(self.folder):
            with contextlib.suppress(OSError), open(f"{self.folder}/{name}", "rb") as file:
                os.fdatasync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def part_durable(bench):
    """PUTs that are answered when they are on the disk, beside etcd and Redis (appendfsync always) on the same one."""
    with tempfile.TemporaryDirectory(dir=bench.programs.build) as folder:
        synced_puts(bench, folder)


def part_disk(bench):
    """A node that is killed and started again; GETs from its cache, the system's page cache and the disk."""
    with (tempfile.TemporaryDirectory(dir=bench.programs.build) as folder,
          contextlib.closing(DurableNode(bench.programs.dhtd, folder)) as node):
        node.start("--sync", "none")
        bench.mixed.most(node, keys=bench.keys, each="put")
        after_fill = node.restart()
        again = statistics.median(node.restart() for _ in range(min(3, bench.pairs)))
        bench.figure(f"restart, {bench.keys} entries, after a fill", after_fill * 1000, "ms")
        bench.figure(f"restart, {bench.keys} entries, again", again * 1000, "ms")
        reads(bench, node)


def synced_puts(bench, folder):
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(contextlib.closing(DurableNode(bench.programs.dhtd, folder))).start()
        others = {"etcd": (stack.enter_context(bench.programs.etcd(1, disk=folder)), "etcd"),
                  "Redis": (stack.enter_context(bench.programs.redis("--dir", folder, "--appendonly", "yes",
                                                                     "--appendfsync", "always")), "redis")}
        for connections in (1, 64, 256):
            def rate(server, speaks):
                return bench.mixed.most(server, speaks=speaks, connections=connections, puts=100,
                                        keys=bench.etcd_keys, seconds=bench.seconds)

            for name, (server, speaks) in others.items():
                bench.rates(f"synced PUT, {connections} connections", lambda: rate(ours, "dhtd"), name,
                            lambda: rate(server, speaks))


def reads(bench, node):
    def cost():
        return load.wrk(node, "GET", 1, bench.keys, bench.seconds)

    def rate():
        return bench.mixed.most(node, keys=bench.keys, seconds=bench.seconds)

    with bench.programs.nodes(1) as in_memory:
        bench.mixed.most(in_memory, keys=bench.keys, each="put")
        for cache, where in ((bench.keys * 1000, "all in the cache"), (bench.keys * 25, "a quarter in the cache")):
            node.restart("--cache", str(cache))
            bench.mixed.most(node, keys=bench.keys, each="get")
            bench.compare(f"GET, {where}", cost, "in memory only",
                          lambda: load.wrk(in_memory, "GET", 1, bench.keys, bench.seconds))
            bench.figure(f"GET, {where}", rate(), "requests/s")
        # So far the rest came from the system's page cache.
        node.forget_files()
        bench.figure("the same, the rest from the disk at first", rate(), "requests/s")
