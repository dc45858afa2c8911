"""Servers under measurement: started on one core, their processor time and memory read from /proc."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

SERVER_CORE, LOAD_CORE, BOTH_CORES = "0", "1", "0,1"


class Failed(Exception):
    """Says in a sentence why a measurement could not be made."""


class Server:
    """One process or several that are counted as one. Stops them when it is closed."""

    def __init__(self, cores=SERVER_CORE):
        self.cores = cores
        self.ports = []
        self.processes = []

    @property
    def port(self):
        """Of its first process: the one that clients use where they do not use all."""
        return self.ports[0]

    def run(self, *command, port):
        if answers(port):
            raise Failed(f"port {port} is in use already; stop what listens there and try again")
        log = tempfile.TemporaryFile()
        process = subprocess.Popen(["taskset", "-c", self.cores, *command], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
        self.processes.append(process)
        self.ports.append(port)
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

    def forget_peak(self):
        for pid in self.pids():
            with open(f"/proc/{pid}/clear_refs", "w") as file:
                file.write("5")

    def peak_bytes(self):
        """The most that each process took since forget_peak(), added up, though it need not have been at one time."""
        return sum(status(pid, "VmHWM") for pid in self.pids())

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


def eventually(holds, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not come about within {seconds} s")
        time.sleep(0.002)


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
    if head.split(b" ")[1:2] != [b"200"]:
        raise Failed(f"{method} {path} was answered with {head.splitlines()[0].decode()}: {body[:200].decode()}")
    return body
