#!/bin/sh
# Measures dhtd beside the ruler, nginx, Redis and etcd, on this machine: processor time per request, memory, how long
# requests take at a steady rate, what growth and moves cost.
#
#   sh tests/bench/compare.sh [--brief] [--pairs N] [--plot FILE.svg] [PART...]
#
# Parts: single forwarded copies connections threads idle start durable disk peers large cluster tail move growth; all of
# them without any, which takes more than half an hour. Installs what is missing and makes a release build. Needs two
# cores, one for the servers and one for the load, with little else running; each figure is a median of N runs (of seven)
# that alternate with those of the other server.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
. tests/install.sh
# shellcheck disable=SC2086
install_packages $packages_to_build $packages_to_test $packages_to_compare
build=build/release
[ -f $build/build.ninja ] || meson setup $build --buildtype=release -Dtests=true >/dev/null
ninja -C $build apps/dhtd/dhtd tests/bench/bench_ruler tests/bench/bench_mixed_load >/dev/null
exec python3 tests/bench/compare/compare.py $build "$@"
