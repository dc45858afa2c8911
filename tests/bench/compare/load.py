"""Load on a server from the other core, and what it cost the server."""
import os
import re
import socket
import statistics
import subprocess

from servers import LOAD_CORE, Failed

HERE = os.path.dirname(os.path.abspath(__file__))
VALUE_BYTES = 100


def wrk(server, method, together, keys, seconds, key_file=None):
    """Microseconds of processor time that the server spent per request."""
    arguments = [method, str(together), str(keys), str(VALUE_BYTES)] + ([key_file] if key_file else [])
    return wrk_script(server, f"{HERE}/load.lua", seconds, 64, *arguments)


def wrk_closing(server, keys, seconds):
    """The same with a connection for each request."""
    return wrk_script(server, f"{HERE}/load.lua", seconds, 64, "GET", "1", str(keys), str(VALUE_BYTES),
                      headers=["-H", "Connection: close"])


def wrk_script(server, script, seconds, connections, *arguments, headers=()):
    return spent(server, [*wrk_command(seconds, connections), *headers, "-s", script,
                          f"http://127.0.0.1:{server.port}", "--", *arguments])


def wrk_path(server, path, seconds, connections=64):
    return spent(server, [*wrk_command(seconds, connections), f"http://127.0.0.1:{server.port}{path}"])


def wrk_command(seconds, connections):
    return ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]


def spent(server, command):
    before = server.cpu_seconds()
    output = output_of(command)
    used = server.cpu_seconds() - before
    return used / int(re.search(r"(\d+) requests in", output).group(1)) * 1e6


def output_of(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    trouble = re.search(r"Non-2xx.*|Socket errors.*", result.stdout)
    if result.returncode != 0 or trouble:
        raise Failed(f"the load failed: {trouble.group(0) if trouble else result.stdout}")
    return result.stdout


def redis_benchmark(server, command, together, keys, seconds):
    """The same of a Redis server, by its own load generator."""
    count = seconds * (60_000 if together == 1 else 400_000)
    before = server.cpu_seconds()
    result = subprocess.run(["taskset", "-c", LOAD_CORE, "redis-benchmark", "-p", str(server.port), "-t", command, "-c",
                             "64", "-n", str(count), "-r", str(keys), "-d", str(VALUE_BYTES), "-P", str(together), "-q"],
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise Failed(f"redis-benchmark failed: {result.stderr}")
    return (server.cpu_seconds() - before) / count * 1e6


def fill(port, first, last):
    """Puts the keys from `first` to `last` - 1, a hundred at a time."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        answers = connection.makefile("rb")
        for start in range(first, last, 100):
            numbers = range(start, min(start + 100, last))
            connection.sendall(b"".join(put_request(number) for number in numbers))
            for _ in numbers:
                read_ok(answers)


def put_request(number):
    head = f"PUT /db/key:{number:012} HTTP/1.1\r\nHost: l\r\nContent-Length: {VALUE_BYTES}\r\n\r\n"
    return head.encode() + b"v" * VALUE_BYTES


def read_ok(answers):
    line = answers.readline()
    if not line.startswith(b"HTTP/1.1 200"):
        raise Failed(f"a put was answered with {line.decode()}")
    while line not in (b"\r\n", b""):
        line = answers.readline()


def interleaved(ours, theirs, pairs):
    """Runs both by turns. Medians of each and of the ratio, which holds where the machine's speed changes."""
    both = [(ours(), theirs()) for _ in range(pairs)]
    return (statistics.median(one for one, _ in both), statistics.median(other for _, other in both),
            statistics.median(one / other for one, other in both))
