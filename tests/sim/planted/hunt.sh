#!/bin/sh
# Looks for each planted bug with the simulators that have it in them, and says how many seeds that took.
#
#   sh tests/sim/planted/hunt.sh BUILD_DIRECTORY [BUG...]     by default: all of them
#
# The last line says how many were found; the exit code is 0 where all were.
set -u
build=$1
shift
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
[ $# -gt 0 ] || set -- $(cd "$here" && ls ./*.bug | sed 's|^\./||; s|\.bug$||')

found=0
missed=0
for bug in "$@"; do
  program=$build/tests/sim/planted_$bug
  if ! ninja -C "$build" "tests/sim/planted_$bug" >"$build/planted.log" 2>&1; then
    tail -n 30 "$build/planted.log"
    exit 1
  fi
  said=$("$program" --runs 20000 --jobs 2 --until-failure 2>/dev/null)
  [ $? -ne 64 ] || said=$("$program" --runs 20000)  # worlds of registers: one process, and always until failure
  seed=$(printf '%s\n' "$said" | sed -n 's/^seed \([0-9]*\): .*/\1/p' | head -n 1)
  if [ -n "$seed" ]; then
    found=$((found + 1))
    printf '%-28s %s\n' "$bug" "$(printf '%s\n' "$said" | grep '^seed ' | head -n 1)"
  else
    missed=$((missed + 1))
    printf '%-28s not found in 20000 seeds\n' "$bug"
  fi
done
echo "$found found, $missed not found"
[ "$missed" -eq 0 ]
