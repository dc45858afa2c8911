#!/usr/bin/env python3
"""Compiles every public header alone, with warnings as errors.

Usage: check_headers.py INCLUDE_DIR... -- COMPILER [ARGUMENT...]
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]


def public_headers(directories):
    """The headers as users name them, such as dht/table.h."""
    for directory in directories:
        for header in sorted(directory.rglob("*.h")):
            yield header.relative_to(directory).as_posix()


def complaints_about(header, compiler, directories):
    """What the compiler says of a source file that includes nothing but the header, twice."""
    includes = [f"-I{directory}" for directory in directories]
    result = subprocess.run(
        [*compiler, *WARNINGS, "-DASIO_STANDALONE", *includes, "-fsyntax-only", "-x", "c++", "-"],
        input=f"#include <{header}>\n#include <{header}>\n", capture_output=True, text=True, check=False)
    return result.stderr if result.returncode != 0 else ""


def main():
    separator = sys.argv.index("--")
    directories = [pathlib.Path(argument) for argument in sys.argv[1:separator]]
    compiler = sys.argv[separator + 1:]
    headers = list(public_headers(directories))
    if not headers:
        sys.exit(f"no headers in {' '.join(map(str, directories))}")
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        complaints = pool.map(lambda header: complaints_about(header, compiler, directories), headers)
        bad = [(header, text) for header, text in zip(headers, complaints) if text]
    for header, text in bad:
        print(f"{header} does not compile alone:\n{text}")
    print(f"{len(headers)} public headers, {len(bad)} of them bad")
    sys.exit(1 if bad else 0)


main()
