#!/bin/sh
# Builds and runs a program against the installed library, the two ways in which users do it.
#
#   sh tests/consumer/run.sh BUILD_DIR     BUILD_DIR is a finished build of libdht
#
# Installs into a new directory, which is removed afterwards.
set -eu
[ $# -eq 1 ] || { echo "usage: sh tests/consumer/run.sh BUILD_DIR" >&2; exit 2; }
program=$(CDPATH='' cd -- "$(dirname -- "$0")/program" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

DESTDIR=$work meson install -C "$1" --no-rebuild --quiet
pc=$(find "$work" -name dht.pc)
[ -n "$pc" ] || { echo "the installation has no dht.pc" >&2; exit 1; }
# The files name the prefix that the build was configured for.
sed -i "s|^prefix=|prefix=$work|" "${pc%/*}"/dht*.pc
export PKG_CONFIG_PATH="${pc%/*}"
export LD_LIBRARY_PATH="${pc%/pkgconfig/*}"

echo "== Meson and pkg-config"
meson setup "$work/meson" "$program"
meson test -C "$work/meson" --print-errorlogs

echo "== pkg-config alone"
compiler=${CXX:-g++}
durable=
! pkg-config --exists dht-rocksdb || durable='program_durable dht-rocksdb'
# shellcheck disable=SC2046,SC2086
for test in 'program dht' 'program_test dht-testing' "$durable"; do
  [ -n "$test" ] || continue
  set -- $test
  $compiler -std=c++20 -Wall -Wextra -Werror "$program/$1.cc" $(pkg-config --cflags --libs "$2") -o "$work/$1"
  "$work/$1"
  echo "$1: OK"
done
