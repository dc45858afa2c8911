"""Parts of the comparison: one or two nodes beside the ruler."""
import contextlib
import resource
import socket
import tempfile
import time

import load
from servers import BOTH_CORES, SERVER_CORE, http


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


def part_connections(bench):
    """A connection for each request, which the server closes."""
    with bench.programs.nodes(1) as node, bench.programs.ruler("close") as ruler:
        load.fill(node.port, 0, bench.keys)
        bench.compare("GET, a connection per request", lambda: load.wrk_closing(node, bench.keys, bench.seconds),
                      "ruler that closes", lambda: load.wrk_closing(ruler, bench.keys, bench.seconds), "<= 1.2")


def part_threads(bench):
    """Two threads beside one, on the one core of the servers and on both, of which the load needs one, too."""
    with bench.programs.nodes(1, first_port=19100) as one:
        load.fill(one.port, 0, bench.keys)
        for cores, where in ((SERVER_CORE, "on one core"), (BOTH_CORES, "on both cores")):
            with bench.programs.nodes(1, threads=2, cores=cores) as two:
                load.fill(two.port, 0, bench.keys)
                for method in ("GET", "PUT"):
                    bench.compare(f"{method}, two threads {where}",
                                  lambda: load.wrk(two, method, 1, bench.keys, bench.seconds), "one thread",
                                  lambda: load.wrk(one, method, 1, bench.keys, bench.seconds), "<= 1.1")


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
