#!/usr/bin/env python3
"""Measures dhtd beside the ruler and beside other servers, and says ours, theirs and the ratio. See compare.sh.

   compare.py BUILD [--brief] [--pairs N] [--plot FILE.svg] [PART...]
"""
import argparse
import signal
import subprocess
import sys
import tempfile

import durable
import load
import moves
import one_node
import peers
from mixed import MixedLoad, percentile
from programs import Programs
from servers import Failed


class Bench:
    def __init__(self, programs, brief):
        self.programs = programs
        self.mixed = MixedLoad(programs.mixed_load)
        self.keys = 2_000 if brief else 1_000_000
        self.etcd_keys = 500 if brief else 100_000
        self.moved_keys = 2_000 if brief else 300_000
        self.moves = 1 if brief else 3
        self.grown_keys = 2_000 if brief else 100_000
        self.sizes = (1, 2, 4) if brief else (1, 2, 4, 8, 16)
        self.seconds = 1 if brief else 2
        self.tail_seconds = 2 if brief else 10
        self.pairs = 1 if brief else 7
        self.quiet_seconds = 1 if brief else 10
        self.connections = 100 if brief else 10_000
        self.rows = []

    def compare(self, what, ours, other, theirs, goal=None):
        """Both are functions that measure once."""
        our_cost, their_cost, ratio = load.interleaved(ours, theirs, self.pairs)
        self.rows.append((f"{what} / {other}", ratio, goal))
        print(f"{what:44} {our_cost:9.2f} us CPU    {other:22} {their_cost:9.2f}  ratio {ratio:5.2f}{to_reach(goal)}",
              flush=True)
        return our_cost, their_cost

    def rates(self, what, ours, other, theirs):
        """The same of requests per second: more is better."""
        our_rate, their_rate, ratio = load.interleaved(ours, theirs, self.pairs)
        print(f"{what:44} {our_rate:9.0f} per second  {other:22} {their_rate:9.0f}  ratio {ratio:5.2f}", flush=True)

    def tail(self, what, times, goals=None):
        """Of sorted milliseconds."""
        p50, p99, p999 = (percentile(times, hundredths) for hundredths in (50, 99, 99.9))
        print(f"{what:44} p50 {p50:6.3f}  p99 {p99:6.3f}  p99.9 {p999:6.3f}  longest {times[-1]:7.3f} ms"
              f"{to_reach(goals)}", flush=True)

    def ratio(self, what, other, ratio, goal):
        self.rows.append((f"{what} / {other}", ratio, goal))
        self.figure(f"{what} / {other}", ratio, "", goal)

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


PARTS = {name[5:]: part for module in (one_node, durable, peers, moves) for name, part in vars(module).items()
         if name.startswith("part_")}


def plot(rows, path):
    """The ratios as bars, beside what is to be reached, the first on top."""
    with tempfile.NamedTemporaryFile("w", suffix=".dat") as data:
        for place, (what, ratio, goal) in enumerate(rows):
            data.write(f'"{what}" {-place} {ratio:.3f} {goal.split()[-1] if goal else "NaN"}\n')
        data.flush()
        subprocess.run(["gnuplot", "-e", f"""
            set terminal svg size 900,{120 + 18 * len(rows)} background 'white'; set output '{path}';
            set logscale x; set xrange [0.1:*]; set xtics (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100); set grid x;
            set xlabel 'ours / theirs'; set yrange [{0.7 - len(rows)}:0.7]; set key outside top center horizontal;
            set style fill solid 0.6 noborder;
            plot '{data.name}' using (0.1):2:(0.1):3:($2-0.35):($2+0.35):ytic(1)
                     with boxxyerror linecolor '#6688bb' title 'measured',
                 '' using 4:2 with points linecolor 'black' pointtype 2 pointsize 0.8 title 'to reach'"""], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--brief", action="store_true", help="only show that everything runs")
    parser.add_argument("--pairs", type=int, metavar="N", help="of runs, ours and theirs, that a ratio is the median of")
    parser.add_argument("--plot", metavar="FILE.svg")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_intermixed_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"'{unknown[0]}' is no part; there are: {', '.join(PARTS)}")
    bench = Bench(Programs(options.build), options.brief)
    if options.pairs:
        bench.pairs = options.pairs
    for name in options.parts or PARTS:
        print(f"== {name}: {PARTS[name].__doc__}", flush=True)
        PARTS[name](bench)
    if options.plot:
        plot(bench.rows, options.plot)


def stop(*_):
    raise Failed("told to stop")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)  # the servers are stopped, too
    try:
        main()
    except Failed as failure:
        sys.exit(f"compare.py: {failure}")
