#!/bin/sh
# Builds and runs the tests.
#
#   sh tests/run.sh [STEP...]     by default: release
#
#   format      every source is as clang-format leaves it
#   release     g++, warnings as errors: all tests, the examples and a program against the installed library
#   asan        all tests under the address and undefined behaviour sanitizers, built by clang
#   tsan        those that have threads, under the thread sanitizer
#   fuzz        each fuzz target for some seconds, with clang
#   bench       the benchmarks that take longer than the tests may, once
#   quickstart  apps/quickstart.sh, twice, and its stop
#   all         everything above
#   planted     looks for each planted bug with the simulators, for up to 20,000 seeds; takes some minutes
#
# Everything is built under build/. The last line says how many tests passed and failed; the exit code is 0 where none
# failed. A step that is no set of Meson tests counts as one test.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root" || exit 1
. tests/install.sh
passed=0
failed=0

say() { printf '\n== %s\n' "$*"; }

# Counts one check: its name and whether it held.
count() {
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $1"
  fi
}

# Adds up the results that Meson wrote for one build directory; a time-out or a crash is a failure too.
count_meson_tests() {
  log=$1/meson-logs/testlog.json
  good=$(grep -cE '"result": "(OK|EXPECTEDFAIL)"' "$log" 2>/dev/null) || good=0
  bad=$(grep -cvE '"result": "(OK|EXPECTEDFAIL|SKIP)"' "$log" 2>/dev/null) || bad=0
  passed=$((passed + good))
  failed=$((failed + bad))
  [ $((good + bad)) -gt 0 ] || count "no test ran in $1" 1
}

# Installs the packages of a list where they are missing.
needs() {
  # shellcheck disable=SC2086
  install_packages $1 && return 0
  count "installation of packages" 1
  return 1
}

# Keeps what a command says for when it fails.
quietly() {
  log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null && return 0
  code=$?
  tail -n 60 "$log"
  return "$code"
}

# set_up DIRECTORY OPTION...: also where the directory was set up before, perhaps with other options.
set_up() {
  dir=$1
  shift
  if [ -f "$dir/build.ninja" ]; then
    quietly "$dir/setup.log" meson setup --reconfigure "$dir" "$@"
  else
    quietly "$dir/setup.log" meson setup "$dir" "$@"
  fi
}

# run_tests DIRECTORY "TEST OPTIONS"
run_tests() {
  started=$(date +%s)
  rm -f "$1/meson-logs/testlog.json"
  # shellcheck disable=SC2086
  meson test -C "$1" --print-errorlogs $2 </dev/null
  echo "Tested in $(($(date +%s) - started)) s"
  count_meson_tests "$1"
}

# build_and_test DIRECTORY "TEST OPTIONS" SETUP-OPTION...
build_and_test() {
  dir=$1 test_options=$2
  shift 2
  started=$(date +%s)
  set_up "$dir" -Dwerror=true "$@" && quietly "$dir/build.log" ninja -C "$dir"
  built=$?
  if [ "$built" -ne 0 ]; then
    count "build of $dir" 1
    return
  fi
  echo "Built in $(($(date +%s) - started)) s"
  run_tests "$dir" "--no-rebuild $test_options"
}

# test_chosen DIRECTORY "TEST OPTIONS" SETUP-OPTION...: builds no more than the chosen tests need.
test_chosen() {
  dir=$1 test_options=$2
  shift 2
  if set_up "$dir" "$@"; then
    run_tests "$dir" "$test_options"
  else
    count "setup of $dir" 1
  fi
}

step_format() {
  needs "$packages_to_format" || return
  git ls-files -co --exclude-standard -- '*.h' '*.cc' | xargs clang-format --dry-run -Werror
  count 'format' $?
}

step_release() {
  needs "$packages_to_build $packages_to_test" || return
  build_and_test build/release '' --buildtype=release -Dtests=true -Dexamples=true
}

# What the builds under sanitizers have in common. Their files are compiled many at a time: that halves the work, and the
# release build has seen each by itself.
under_sanitizers='-Dwerror=true --buildtype=plain -Doptimization=1 -Dunity=on -Dunity_size=24 -Dexamples=false -Dbench=disabled'

# test_with_clang "TEST OPTIONS": the planted bugs and the checks of the sources are left to the release build.
#
# Line numbers are all that a sanitizer's report needs, and -O1 is what its own manual recommends. One of the two builds is
# made by clang, so that both compilers see every file. The check of vtable pointers opens a pipe for each, and so cries wolf
# in the test that runs out of file descriptors.
test_with_clang() {
  needs "$packages_to_build $packages_to_test $packages_for_clang" || return
  # shellcheck disable=SC2086
  test_chosen build/asan "$1" $under_sanitizers --native-file tests/clang.ini -Dcpp_args='-g1 -fno-sanitize=vptr' \
    -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true
}

step_asan() { test_with_clang '--timeout-multiplier=4 --no-suite fuzz'; }
step_fuzz() { test_with_clang '--suite fuzz'; }

# Only the programs that have more than one thread: nothing could race in the others.
step_tsan() {
  needs "$packages_to_build $packages_to_test" || return
  # shellcheck disable=SC2086
  test_chosen build/tsan '--timeout-multiplier=4 --suite threads' $under_sanitizers -Dcpp_args=-g1 -Db_sanitize=thread
}

step_bench() {
  needs "$packages_to_load" || return
  [ -f build/release/build.ninja ] || step_release
  rm -f build/release/meson-logs/testlog.json
  meson test -C build/release --no-rebuild --benchmark --verbose </dev/null
  count_meson_tests build/release
}

step_quickstart() {
  sh apps/quickstart.sh </dev/null
  count 'quickstart' $?
  sh apps/quickstart.sh </dev/null >build/quickstart-again.log 2>&1 &&
    [ "$(grep -c 'is already running' build/quickstart-again.log)" -eq 3 ]
  count 'quickstart where it runs already' $?
  sh apps/quickstart.sh stop </dev/null
  count 'quickstart stop' $?
}

step_planted() {
  [ -f build/release/build.ninja ] || step_release
  sh tests/sim/planted/hunt.sh build/release
  count 'every planted bug is found' $?
}

[ $# -gt 0 ] || set -- release
[ "$*" != all ] || set -- format release quickstart bench asan tsan fuzz
for step in "$@"; do
  case $step in
    format | release | asan | tsan | fuzz | bench | quickstart | planted) ;;
    *)
      echo "tests/run.sh: '$step' is no step. Steps: format release asan tsan fuzz bench quickstart all planted" >&2
      exit 2
      ;;
  esac
done
for step in "$@"; do
  say "$step"
  step_started=$(date +%s)
  "step_$step"
  echo "Step $step took $(($(date +%s) - step_started)) s"
done
say "All steps done"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
