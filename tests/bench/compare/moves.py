"""Parts of the comparison: how long requests take at a steady rate, and what growth and moves cost."""
import contextlib
import statistics
import time

import load
from mixed import SHARE_OF_PUTS, percentile
from servers import BOTH_CORES

TAIL = "p99 < 1, p99.9 < 5, longest < 20"


def part_tail(bench):
    """Half of the maximum rate, each request due at a fixed time; from then until its answer, in milliseconds."""
    with bench.programs.nodes(1) as node, bench.programs.ruler() as ruler:
        load.fill(node.port, 0, bench.keys)
        steady = half_of_most(bench, node, keys=bench.keys, puts=SHARE_OF_PUTS)
        bench.tail(f"ruler, {steady['rate']} requests/s", bench.mixed.times(ruler, **steady).all())
        bench.tail(f"one node, 90/10, {steady['rate']}/s", bench.mixed.times(node, **steady).all(), TAIL)
    with bench.programs.nodes(1) as node:
        puts = half_of_most(bench, node, keys=1000, puts=100)
        growing = {"keys": bench.keys, "each": "put", "rate": puts["rate"]}
        bench.tail(f"PUTs, from 0 to {bench.keys} entries, {puts['rate']}/s", bench.mixed.times(node, **growing).all(),
                   TAIL)


def half_of_most(bench, server, **options):
    return {**options, "rate": int(bench.mixed.most(server, seconds=bench.seconds, **options) / 2),
            "seconds": bench.tail_seconds}


def part_move(bench):
    """A fourth node joins three that have two copies of each entry: without requests, and while they come to the three
    at a tenth of the maximum rate. The nodes share both cores with the load, since a move takes more than one."""
    alone, loaded, usual, meanwhile = [], [], [], []
    for _ in range(bench.moves):
        with three_and_a_fourth(bench) as nodes:
            alone.append(nodes.join_newest())
        with three_and_a_fourth(bench) as nodes:
            steady = {"keys": bench.moved_keys, "puts": SHARE_OF_PUTS, "ports": nodes.ports[:3]}
            rate = int(bench.mixed.most(nodes, seconds=bench.seconds, **steady) / 10)
            with bench.mixed.beside(nodes, rate=rate, seconds=bench.tail_seconds, **steady) as times:
                time.sleep(bench.tail_seconds / 2)
                begun = time.monotonic()
                loaded.append(nodes.join_newest())
            usual += times.between(0, begun)
            meanwhile += times.between(begun, begun + loaded[-1])
    usual.sort()
    meanwhile.sort()
    bench.figure(f"{bench.moved_keys} entries, from the request to join", statistics.median(alone), "s", "<= 1.0")
    bench.figure(f"the same at {rate} requests/s", statistics.median(loaded), "s")
    bench.tail(f"90/10 at {rate}/s, before", usual)
    bench.tail("90/10 meanwhile", meanwhile, TAIL)
    bench.ratio("p99 meanwhile", "before", percentile(meanwhile, 99) / percentile(usual, 99), "<= 3")
    memory_of_a_move(bench)


def memory_of_a_move(bench):
    with three_and_a_fourth(bench) as nodes:
        memory = {"before": nodes.resident_bytes()}
        nodes.forget_peak()
        nodes.join_newest()
        memory["at its peak"] = nodes.peak_bytes()
        memory["after"] = nodes.resident_bytes()
        bench.mixed.most(nodes, keys=bench.moved_keys, each="remove")
        time.sleep(bench.quiet_seconds)
        memory["when all is deleted"] = nodes.resident_bytes()
    for what, amount in memory.items():
        bench.figure(f"memory of all four, {what}", amount / 2**20, "MiB")


@contextlib.contextmanager
def three_and_a_fourth(bench):
    with bench.programs.nodes(3, copies=2, cores=BOTH_CORES) as nodes:
        load.fill(nodes.port, 0, bench.moved_keys)
        nodes.start()
        yield nodes


def part_growth(bench):
    """Clusters of more and more nodes, all on one core: how long the newest takes to join, and a GET through one node,
    which has to ask the others for most keys."""
    with bench.programs.nodes(1, copies=2) as nodes, bench.programs.ruler() as ruler:
        load.fill(nodes.port, 0, bench.grown_keys)
        for size in bench.sizes:
            while len(nodes.ports) < size:
                nodes.start()
                seconds = nodes.join_newest()
            if size > 1:
                bench.figure(f"join of node {size}, {bench.grown_keys} entries", seconds, "s")
            bench.compare(f"GET through one of {size}",
                          lambda: load.wrk(nodes, "GET", 1, bench.grown_keys, bench.seconds), "ruler",
                          lambda: load.wrk(ruler, "GET", 1, bench.grown_keys, bench.seconds))
