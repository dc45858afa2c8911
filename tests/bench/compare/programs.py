"""The programs that are compared: where they are, and what each is started with."""
import contextlib
import json
import shutil
import subprocess
import tempfile
import time

from servers import SERVER_CORE, Failed, Server, eventually, http


class Nodes(Server):
    """A cluster of dhtd, counted as one server."""

    def __init__(self, program, copies, threads, first_port, cores):
        super().__init__(cores)
        self.first_port = first_port
        self.command = [program, "--host", "127.0.0.1", "--threads", str(threads), "--replicas", str(copies)]

    def start(self):
        """One node more, which stands alone."""
        number = len(self.ports)
        port = self.first_port + number
        self.run(*self.command, "--port", str(port), "--name", f"n{number}", port=port)

    def join_newest(self):
        """Seconds until the newest node is a member and nothing moves any more."""
        begun = time.monotonic()
        http(self.ports[-1], "POST", "/dht/join", f"127.0.0.1:{self.port}".encode())
        eventually(self.settled, "the end of the moves")
        return time.monotonic() - begun

    def settled(self):
        status = json.loads(http(self.port, "GET", "/dht/status"))
        parts = status["partitions"]
        shares = [member["primary"] for member in status["members"]]
        return (len(shares) == len(self.ports) and max(shares) - min(shares) <= 1 and parts["moving"] == 0
                and parts["healthy"] == parts["total"])


class Programs:
    def __init__(self, build):
        self.build = build
        self.dhtd = f"{build}/apps/dhtd/dhtd"
        self.ruler_program = f"{build}/tests/bench/bench_ruler"
        self.mixed_load = f"{build}/tests/bench/bench_mixed_load"

    @contextlib.contextmanager
    def ruler(self, *how):
        yield from self._serve(18080, [self.ruler_program, "18080", *how])

    @contextlib.contextmanager
    def nodes(self, count, copies=1, threads=1, first_port=19000, cores=SERVER_CORE):
        """A cluster of dhtd; clients use the port of its first node."""
        with contextlib.closing(Nodes(self.dhtd, copies, threads, first_port, cores)) as nodes:
            for number in range(count):
                nodes.start()
                if number > 0:
                    nodes.join_newest()
            yield nodes

    @contextlib.contextmanager
    def redis(self, *keeping):
        """Keeps nothing on disk where it is not told so."""
        yield from self._serve(16379, ["redis-server", "--port", "16379", "--save", "",
                                       *(keeping or ("--appendonly", "no"))])

    @contextlib.contextmanager
    def redis_cluster(self, masters):
        """As many masters, whose ports are its first, and a replica of each."""
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(Server()) as server:
            for number in range(2 * masters):
                port = 16379 + number
                server.run("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly",
                           "no", "--dir", folder, "--cluster-enabled", "yes", "--cluster-config-file", f"{port}.conf",
                           port=port)
            redis_cli("--cluster", "create", *(f"127.0.0.1:{port}" for port in server.ports), "--cluster-replicas", "1",
                      "--cluster-yes")
            eventually(lambda: all("cluster_state:ok" in redis_cli("-p", str(port), "cluster", "info")
                                   for port in server.ports), "the Redis Cluster")
            eventually(lambda: all("state=online" in redis_cli("-p", str(port), "info", "replication")
                                   for port in server.ports[:masters]), "the replicas of the Redis Cluster")
            yield server

    @contextlib.contextmanager
    def etcd(self, count, disk="/dev/shm"):
        """A cluster with its files in memory where no other place is named, since Debian's etcd cannot be told not to
        wait for the disk, and without snapshots."""
        names = {f"e{number}": 12379 + number for number in range(count)}
        peers = ",".join(f"{name}=http://127.0.0.1:{port + 100}" for name, port in names.items())
        with tempfile.TemporaryDirectory(dir=disk) as folder, contextlib.closing(Server()) as server:
            for name, port in names.items():
                clients, others = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 100}"
                server.run("etcd", "--name", name, "--data-dir", f"{folder}/{name}", "--enable-v2", "--log-level",
                           "error", "--listen-client-urls", clients, "--advertise-client-urls", clients,
                           "--listen-peer-urls", others, "--initial-advertise-peer-urls", others,
                           "--initial-cluster", peers, "--snapshot-count", "1000000000", port=port)
            eventually(lambda: all(healthy(port) for port in server.ports), "a healthy etcd")
            yield server

    @contextlib.contextmanager
    def nginx(self, directory):
        """Serves a constant at /constant and the files of `directory`."""
        folder = tempfile.mkdtemp()
        path = f"{folder}/nginx.conf"
        with open(path, "w") as file:
            file.write(f"""daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
                user root; events {{ worker_connections 1024; }}
                http {{ access_log off; keepalive_requests 1000000000; sendfile off; client_body_temp_path {folder};
                server {{ listen 127.0.0.1:18081; root {directory};
                location = /constant {{ return 200 "{'x' * 100}"; }} }} }}""")
        try:
            yield from self._serve(18081, ["nginx", "-c", path, "-p", folder])
        finally:
            shutil.rmtree(folder)

    def _serve(self, port, command):
        with contextlib.closing(Server()) as server:
            server.run(*command, port=port)
            yield server


def redis_cli(*arguments):
    result = subprocess.run(["redis-cli", *arguments], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failed(f"redis-cli failed: {result.stdout[-500:]}{result.stderr}")
    return result.stdout


def healthy(port):
    with contextlib.suppress(Failed, OSError):
        return b"true" in http(port, "GET", "/health")
    return False
