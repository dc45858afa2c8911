#!/usr/bin/env python3
"""Measures dhtd beside the ruler and beside other servers, and says ours, theirs and the ratio. See compare.sh.

   compare.py BUILD [--brief] [--plot FILE.svg] [PART...]
"""
import argparse
import contextlib
import resource
import socket
import subprocess
import sys
import tempfile
import time

import load
from servers import Failed, Programs, http


class Bench:
    def __init__(self, programs, brief):
        self.programs = programs
        self.keys = 2_000 if brief else 1_000_000
        self.seconds = 1 if brief else 2
        self.pairs = 1 if brief else 7
        self.quiet_seconds = 1 if brief else 10
        self.connections = 100 if brief else 10_000
        self.rows = []

    def compare(self, what, ours, other, theirs, goal=None):
        """Both are functions that measure once."""
        our_cost, their_cost, ratio = load.interleaved(ours, theirs, self.pairs)
        self.rows.append((what, ratio, goal))
        print(f"{what:44} {our_cost:9.2f} us CPU    {other:22} {their_cost:9.2f}  ratio {ratio:5.2f}{to_reach(goal)}",
              flush=True)

    def figure(self, what, value, unit, goal=None):
        print(f"{what:44} {value:9.2f} {unit}{to_reach(goal)}", flush=True)

    def against_ruler(self, what, server, method, goals, key_file=None):
        with self.programs.ruler() as ruler:
            for together, goal in zip((1, 16), goals):
                self.compare(f"{what}, {together} at a time",
                             lambda: load.wrk(server, method, together, self.keys, self.seconds, key_file), "ruler",
                             lambda: load.wrk(ruler, "GET", together, self.keys, self.seconds), f"<= {goal}")


def to_reach(goal):
    return f"  (to reach: {goal})" if goal else ""


def part_single(bench):
    """GET and PUT on one node, and what an entry takes in memory."""
    with bench.programs.nodes(1) as node:
        time.sleep(1)
        empty = node.resident_bytes()
        load.fill(node.port, 0, bench.keys)
        time.sleep(bench.quiet_seconds)
        per_entry = (node.resident_bytes() - empty) / bench.keys
        bench.figure("memory per entry, 16 + 100 bytes", per_entry, "bytes", "<= 160")
        bench.against_ruler("GET, single node", node, "GET", (1.15, 2.0))
        bench.against_ruler("PUT, single node", node, "PUT", (1.25, 2.5))


def part_forwarded(bench):
    """GET through a node that is not the owner."""
    with bench.programs.nodes(2) as nodes, tempfile.NamedTemporaryFile() as others:
        load.fill(nodes.port, 0, bench.keys)
        listed = http(nodes.port + 1, "GET", "/db").replace(b"\r\n", b"\n")
        others.write(listed)
        others.flush()
        bench.against_ruler("GET through the other of two nodes", nodes, "GET", (1.9, 3.5), others.name)


def part_copies(bench):
    """PUT with a backup."""
    with bench.programs.nodes(2, copies=2) as nodes:
        load.fill(nodes.port, 0, bench.keys)
        bench.against_ruler("PUT, two nodes, two copies", nodes, "PUT", (2.6, 6.0))


def part_peers(bench):
    """nginx and Redis beside one node."""
    with bench.programs.nodes(1) as node:
        load.fill(node.port, 0, bench.keys)
        with tempfile.TemporaryDirectory() as empty, bench.programs.nginx(empty) as nginx:
            bench.compare("GET, 1 at a time", lambda: load.wrk(node, "GET", 1, bench.keys, bench.seconds),
                          "nginx, a constant", lambda: load.wrk_path(nginx, "/constant", bench.seconds))
        with bench.programs.redis() as redis:
            for method, command in (("GET", "get"), ("PUT", "set")):
                for together in (1, 16):
                    bench.compare(f"{method}, {together} at a time",
                                  lambda: load.wrk(node, method, together, bench.keys, bench.seconds),
                                  f"Redis {command}",
                                  lambda: load.redis_benchmark(redis, command, together, bench.keys, bench.seconds))


def part_large(bench):
    """Values of 1 MiB."""
    megabyte = 1 << 20
    with tempfile.TemporaryDirectory() as folder, bench.programs.nodes(1) as node:
        with open(f"{folder}/large", "wb") as file:
            file.write(b"v" * megabyte)
        http(node.port, "PUT", "/db/large", b"v" * megabyte)
        with bench.programs.nginx(folder) as nginx:
            bench.compare("GET of 1 MiB", lambda: load.wrk_path(node, "/db/large", bench.seconds, 8),
                          "nginx, sendfile off", lambda: load.wrk_path(nginx, "/large", bench.seconds, 8), "<= 1.11")
        with open(f"{folder}/put.lua", "w") as script:
            script.write(f'wrk.method = "PUT"\nwrk.path = "/db/put-large"\n'
                         f'wrk.body = io.open("{folder}/large", "rb"):read("*a")\n')
        with bench.programs.ruler("discard") as ruler:
            bench.compare("PUT of 1 MiB", lambda: load.wrk_script(node, script.name, bench.seconds, 8),
                          "ruler that discards", lambda: load.wrk_script(ruler, script.name, bench.seconds, 8),
                          "<= 1.25")


def part_idle(bench):
    """Connections that do nothing."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (bench.connections + 1000, bench.connections + 1000))
    with bench.programs.nodes(1) as node, contextlib.ExitStack() as stack:
        before = node.resident_bytes()
        for _ in range(bench.connections):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", node.port)))
            connection.sendall(b"GET /db/none HTTP/1.1\r\nHost: l\r\n\r\n")
            connection.recv(1000)
        bench.figure(f"{bench.connections} idle connections, in all", (node.resident_bytes() - before) / 2**20, "MiB",
                     "< 100")


def part_start(bench):
    """From the start of the process to its first answer."""
    times = []
    for _ in range(bench.pairs):
        begun = time.monotonic()
        with bench.programs.nodes(1) as node:
            http(node.port, "GET", "/")
            times.append(time.monotonic() - begun)
    bench.figure("start to first answer, worst", max(times) * 1000, "ms", "< 200")


PARTS = {name[5:]: part for name, part in list(globals().items()) if name.startswith("part_")}


def plot(rows, path):
    """The ratios as bars, beside what is to be reached."""
    with tempfile.NamedTemporaryFile("w", suffix=".dat") as data:
        for what, ratio, goal in rows:
            data.write(f'"{what}" {ratio:.3f} {goal.split()[-1] if goal else "NaN"}\n')
        data.flush()
        subprocess.run(["gnuplot", "-e", f"""
            set terminal svg size 900,480 background 'white'; set output '{path}'; set style data histograms;
            set style fill solid 0.7; set xtics rotate by -35; set ylabel 'CPU per request, ratio'; set yrange [0:*];
            plot '{data.name}' using 2:xtic(1) title 'measured', '' using 3 title 'to reach'"""], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--brief", action="store_true", help="only show that everything runs")
    parser.add_argument("--plot", metavar="FILE.svg")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_intermixed_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"'{unknown[0]}' is no part; there are: {', '.join(PARTS)}")
    bench = Bench(Programs(options.build), options.brief)
    for name in options.parts or PARTS:
        print(f"== {name}: {PARTS[name].__doc__}", flush=True)
        PARTS[name](bench)
    if options.plot:
        plot(bench.rows, options.plot)


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"compare.py: {failure}")
