#!/usr/bin/env python3
"""Checks that includes run downward only, and that Asio stays behind one public header.

Usage: check_includes.py SOURCE_ROOT

Contracts are the public headers; each folder below may include what is named for it, and itself:

    base <- contracts <- wire <- agreement <- lease <- cluster <- replica <- storage, net <- node <- testing, apps
                      <- rocksdb
"""
import pathlib
import re
import sys

# Where files live, by part. A file belongs to the first that holds it.
PLACES = {
    "testing": ["libdht/testing"],
    "rocksdb": ["libdht/rocksdb"],
    "contracts": ["libdht/include/dht"],
    **{
        part: [f"libdht/src/{part}"]
        for part in ("base", "wire", "agreement", "lease", "cluster", "replica", "storage", "net", "node")
    },
    "apps": ["apps"],
    "examples": ["examples"],
}

# What each part may include besides itself. `contracts` are the public headers without dht/asio.h and dht/node.h, which
# stand above the parts that they are made of.
ALLOWED = {
    "contracts": set(),
    "base": {"contracts"},
    "wire": {"base", "contracts"},
    "agreement": {"base", "contracts", "wire"},
    "lease": {"base", "contracts", "wire", "agreement"},
    "cluster": {"base", "contracts", "wire", "agreement", "lease"},
    "replica": {"base", "contracts", "wire", "cluster"},
    "storage": {"base", "contracts", "wire", "cluster", "replica"},
    "net": {"base", "contracts", "wire", "cluster", "replica", "asio"},
    "node": {"base", "contracts", "wire", "cluster", "replica", "storage", "net", "asio", "facade"},
    "rocksdb": {"base", "contracts"},
    "testing": {"base", "contracts", "facade"},
    "apps": {"base", "contracts", "asio", "facade", "rocksdb"},
    "examples": {"contracts", "asio", "facade", "testing"},
}

# Public headers that are not contracts: each may include what is named.
ASIO_HEADER = "libdht/include/dht/asio.h"
ASIO_DETAILS = "libdht/include/dht/detail/"
FACADE_HEADER = "libdht/include/dht/node.h"

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
PARTS_IN_QUOTES = ("base", "wire", "agreement", "lease", "cluster", "replica", "storage", "net", "node")


def part_of(path):
    for part, places in PLACES.items():
        if any(path.startswith(place + "/") for place in places):
            return part
    return None


def target_of(bracket, name):
    """The part that an include leads to; None for what is not ours, and for neighbours in the same folder."""
    if bracket == '"':
        first = name.split("/")[0] if "/" in name else None
        return first if first in PARTS_IN_QUOTES else None
    if name == "asio.hpp" or name.startswith("asio/") or name == "dht/asio.h" or name.startswith("dht/detail/"):
        return "asio"
    if name == "dht/node.h":
        return "facade"
    if name.startswith("dht/testing/"):
        return "testing"
    if name == "dht/rocksdb.h":
        return "rocksdb"
    return "contracts" if name.startswith("dht/") else None


def allowed_for(path, part):
    if path == ASIO_HEADER or path.startswith(ASIO_DETAILS):
        return {"contracts", "asio", "facade"}
    if path == FACADE_HEADER:
        return {"contracts"}
    return ALLOWED[part] | {part}


def violations(root):
    for folder in ("libdht", "apps", "examples"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            path = file.relative_to(root).as_posix()
            part = part_of(path)
            if part is None:
                yield f"{path} is in no known part; name its place in {pathlib.Path(__file__).name}"
                continue
            for bracket, name in INCLUDE.findall(file.read_text(encoding="utf-8")):
                target = target_of(bracket, name)
                if target is not None and target not in allowed_for(path, part):
                    yield f"{path} includes {name}: {part} must not know {target}"


def main():
    found = list(violations(pathlib.Path(sys.argv[1])))
    for sentence in found:
        print(sentence)
    sys.exit(1 if found else 0)


main()
