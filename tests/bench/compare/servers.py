"""Servers under measurement: started on one core, their processor time and memory read from /proc."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SERVER_CORE, LOAD_CORE = "0", "1"


class Failed(Exception):
    """Says in a sentence why a measurement could not be made."""


class Server:
    """One process or several that are counted as one. Stops them when it is closed."""

    def __init__(self, port):
        self.port = port
        self.processes = []

    def run(self, *command, port):
        if answers(port):
            raise Failed(f"port {port} is in use already; stop what listens there and try again")
        log = tempfile.TemporaryFile()
        process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
        self.processes.append(process)
        deadline = time.monotonic() + 20
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise Failed(f"{command[0]} did not begin to listen on port {port}: {log.read().decode()[-500:]}")
            time.sleep(0.005)
        return process

    def cpu_seconds(self):
        """Of all threads of all its processes and of their children, to the nanosecond."""
        return sum(thread_seconds(pid) for pid in self.pids())

    def resident_bytes(self):
        return sum(status(pid, "VmRSS") for pid in self.pids())

    def pids(self):
        for process in self.processes:
            yield process.pid
            yield from children(process.pid)

    def close(self):
        for pid in list(self.pids()):  # with the children, which would go on without their parents
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for process in self.processes:
            process.wait()


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    return False


def children(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children") as file:
        for child in file.read().split():
            yield int(child)


def thread_seconds(pid):
    total = 0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
    return total / 1e9


def status(pid, field):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(rf"{field}:\s+(\d+) kB", file.read()).group(1)) * 1024


def http(port, method, path, body=b""):
    """One request; its answer's body."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"{method} {path} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise Failed(f"{method} {path} was answered with {head.splitlines()[0].decode()}: {body[:200].decode()}")
    return body


class Programs:
    """Where the programs are, and what each is started with."""

    def __init__(self, build):
        self.dhtd = f"{build}/apps/dhtd/dhtd"
        self.ruler_program = f"{build}/tests/bench/bench_ruler"

    @contextlib.contextmanager
    def ruler(self, *how):
        yield from self._serve(18080, [self.ruler_program, "18080", *how])

    @contextlib.contextmanager
    def nodes(self, count, copies=1, threads=1, first_port=19000):
        """A cluster of dhtd, counted as one server; clients use the port of its first node."""
        server = Server(first_port)
        try:
            for number in range(count):
                port = first_port + number
                server.run(self.dhtd, "--host", "127.0.0.1", "--port", str(port), "--name", f"n{number}", "--threads",
                           str(threads), "--replicas", str(copies), port=port)
            for number in range(1, count):
                http(first_port + number, "POST", "/dht/join", f"127.0.0.1:{first_port}".encode())
            yield server
        finally:
            server.close()

    @contextlib.contextmanager
    def redis(self):
        yield from self._serve(16379, ["redis-server", "--port", "16379", "--save", "", "--appendonly", "no"])

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
        server = Server(port)
        try:
            server.run(*command, port=port)
            yield server
        finally:
            server.close()
