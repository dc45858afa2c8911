#!/usr/bin/env python3
"""Writes a copy of a source file of the library with one bug planted in it.

Usage: plant.py BUG SOURCE_ROOT OUTPUT DEPFILE

The file BUG is the part of a diff that matters, without line numbers:

    A sentence that says what is wrong.
    libdht/src/part/file.cc
    @@
     a line that stays
    -a line that goes
    +a line that comes in its place

with one such change after each @@. The lines that stay and go must be found in the source exactly once, next to each
other: a bug whose place has changed must be planted anew, not rot in silence. What the compiler says of the copy names
the lines of the source.
"""
import pathlib
import sys


class Bug:
    def __init__(self, path):
        self.name = path.stem
        self.sentence, self.source, *diff = path.read_text(encoding="utf-8").splitlines()
        self.changes = []
        for line in diff:
            if line == "@@":
                self.changes.append(([], []))
            elif line[:1] not in (" ", "-", "+") or not self.changes:
                self.reject(f'"{line}" is neither a line of a change nor the @@ before one')
            else:
                original, replacement = self.changes[-1]
                original += [line[1:]] if line[0] != "+" else []
                replacement += [line[1:]] if line[0] != "-" else []
        if not self.changes or any(original == replacement for original, replacement in self.changes):
            self.reject("it changes nothing")

    def reject(self, why):
        sys.exit(f"planted bug {self.name}: {why}")

    def place_of(self, original, lines):
        size = len(original)
        places = [at for at in range(len(lines) - size + 1) if lines[at:at + size] == original]
        if len(places) != 1:
            self.reject(f"these lines are {len(places)} times in {self.source}, not once; see what has become of "
                        "them, and plant it anew:\n" + "\n".join(original))
        return places[0]

    def planted_in(self, lines, file):
        """The lines of the copy, for a source of these lines that lies at `file`."""
        places = sorted((self.place_of(original, lines), len(original), replacement)
                        for original, replacement in self.changes)
        copy, done = [f'#line 1 "{file}"'], 0
        for place, size, replacement in places:
            copy += [*lines[done:place], *replacement, f'#line {place + size + 1} "{file}"']
            done = place + size
        return copy + lines[done:]


def main():
    bug_file, root, output, depfile = sys.argv[1:]
    bug = Bug(pathlib.Path(bug_file))
    source = pathlib.Path(root) / bug.source
    copy = bug.planted_in(source.read_text(encoding="utf-8").splitlines(), source)
    pathlib.Path(output).write_text("\n".join(copy) + "\n", encoding="utf-8")
    pathlib.Path(depfile).write_text(f"{output}: {source}\n", encoding="utf-8")


main()
