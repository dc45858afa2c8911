"""Parts of the comparison: other servers beside ours."""
import tempfile

import load
from mixed import SHARE_OF_PUTS
from servers import http


def part_peers(bench):
    """nginx, Redis and etcd beside one node. etcd by its version 2 over plain HTTP, which keeps the keys in memory as we
    do: what is said to version 3 over HTTP is translated to gRPC in the server first. Its log is in memory, too."""
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
        with bench.programs.etcd(1) as etcd:
            bench.mixed.cost(etcd, speaks="etcd", keys=bench.etcd_keys, each="put")
            for method, puts in (("GET", 0), ("PUT", 100)):
                options = {"keys": bench.etcd_keys, "seconds": bench.seconds, "puts": puts}
                bench.compare(f"{method}, 1 at a time", lambda: bench.mixed.cost(node, **options),
                              f"etcd {method}", lambda: bench.mixed.cost(etcd, speaks="etcd", **options))


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


def part_cluster(bench):
    """Three nodes with two copies, 90 GETs to 10 PUTs through all of them. Beside three masters of Redis with a replica
    each, which may lag behind what was answered, and a client that follows redirections. Beside three nodes of etcd,
    each with a copy, whose GETs ask for a quorum, since only those promise what ours do."""
    with bench.programs.nodes(3, copies=2) as nodes:
        load.fill(nodes.port, 0, bench.keys)
        with bench.programs.redis_cluster(3) as redis:
            bench.mixed.cost(redis, speaks="redis", keys=bench.keys, each="put", ports=redis.ports[:3])
            beside(bench, nodes, "Redis Cluster", redis, speaks="redis", keys=bench.keys, ports=redis.ports[:3])
        with bench.programs.etcd(3) as etcd:
            bench.mixed.cost(etcd, speaks="etcd", keys=bench.etcd_keys, each="put")
            beside(bench, nodes, "etcd", etcd, speaks="etcd", keys=bench.etcd_keys)


def beside(bench, nodes, other, server, **options):
    def cost(of, **options):
        return bench.mixed.cost(of, seconds=bench.seconds, puts=SHARE_OF_PUTS, **options)

    ours, theirs = bench.compare("three nodes, two copies, 90/10", lambda: cost(nodes, keys=options["keys"]), other,
                                 lambda: cost(server, **options))
    bench.figure("  ours per second of CPU", 1e6 / ours, "requests")
    bench.figure(f"  {other} per second of CPU", 1e6 / theirs, "requests")
