#!/bin/sh
# Builds dhtd, starts three of them on this machine and shows one table spread over them.
#
#   sh apps/quickstart.sh         start (again: shows what runs)
#   sh apps/quickstart.sh stop    stop them, one after the other
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build/release
state=$root/build/quickstart
dhtd=$build/apps/dhtd/dhtd
first_port=${DHT_QUICKSTART_PORT:-9876}
names='a b c'

fail() {
  echo "quickstart: $*" >&2
  exit 1
}

# Prints a command as one would type it, then runs it.
show() {
  printf '$'
  for word in "$@"; do
    case $word in
      *' '*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  "$@"
}

address_of() { cat "$state/$1.address"; }

# True while the node's process lives; a number left over from another process does not count.
runs() {
  [ -s "$state/$1.pid" ] && [ -s "$state/$1.address" ] || return 1
  pid=$(cat "$state/$1.pid")
  kill -0 "$pid" 2>/dev/null || return 1
  [ ! -r "/proc/$pid/comm" ] || [ "$(cat "/proc/$pid/comm")" = dhtd ]
}

build_dhtd() {
  # shellcheck source=../tests/install.sh
  . "$root/tests/install.sh"
  # shellcheck disable=SC2154,SC2086
  install_packages $packages_to_build curl || fail 'the packages named above are needed'
  if [ ! -f "$build/build.ninja" ]; then
    echo "Setting up $build"
    mkdir -p "$build"
    meson setup "$build" "$root" --buildtype=release -Dtests=false -Dexamples=false >"$build/setup.log" 2>&1 ||
      { tail -n 20 "$build/setup.log" >&2; fail "meson failed; all it said is in $build/setup.log"; }
  fi
  echo 'Building dhtd (a few minutes the first time)'
  ninja -C "$build" apps/dhtd/dhtd >"$build/build.log" 2>&1 ||
    { tail -n 40 "$build/build.log" >&2; fail "the build failed; all it said is in $build/build.log"; }
}

# The next port on which nobody answers; curl's code 7 is "connection refused".
find_port() {
  while [ "$port" -le 65535 ]; do
    code=0
    curl -s -o /dev/null --max-time 1 "http://localhost:$port/" || code=$?
    [ "$code" -ne 7 ] || return 0
    echo "Port $port is taken, trying the next."
    port=$((port + 1))
  done
  fail 'no free port found'
}

start_node() {
  name=$1
  find_port
  echo "\$ dhtd --name $name --host localhost --port $port"
  nohup "$dhtd" --name "$name" --host localhost --port "$port" </dev/null >"$state/$name.log" 2>&1 &
  pid=$!
  echo "$pid" >"$state/$name.pid"
  echo "localhost:$port" >"$state/$name.address"
  waited=0
  until [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 1 "http://localhost:$port/")" = 200 ]; do
    kill -0 "$pid" 2>/dev/null || { tail -n 5 "$state/$name.log" >&2; fail "node $name ended at once (see above)"; }
    waited=$((waited + 1))
    [ "$waited" -le 100 ] || fail "node $name does not answer on port $port; its log is $state/$name.log"
    sleep 0.1
  done
  port=$((port + 1))
}

start() {
  build_dhtd
  export no_proxy='*'  # the nodes are on this machine
  mkdir -p "$state"
  port=$first_port
  echo
  for name in $names; do
    if runs "$name"; then
      echo "Node $name is already running at $(address_of "$name")."
    else
      start_node "$name"
    fi
  done
  a=$(address_of a) b=$(address_of b) c=$(address_of c)
  echo
  for name in b c; do
    at=$(address_of "$name")
    if curl -s "http://$at/dht/peers" | tr -d '\r' | grep -qx a; then
      echo "Node $name is already a member of a's cluster."
    else
      show curl -sS --fail-with-body -d "a:$a" "http://$at/dht/join" || fail "node $name could not join; its log is $state/$name.log"
    fi
  done
  echo
  show curl -sS "http://$a/dht/peers"
  echo
  show curl -sS --fail-with-body -d 'Hello from b' "http://$b/db/greeting" || fail 'the write failed'
  show curl -sS --fail-with-body "http://$c/db/greeting" || fail 'the read failed'
  echo
  cat <<EOF

Three nodes form one table. What to try next:
  a file in, from one node           curl -T FILE http://$a/db/my/file
  and out again, from another        curl http://$b/db/my/file
  the keys that node a holds         curl http://$a/db
  members and partitions             curl http://$a/dht/status
  c leaves; a and b keep all data    curl -X POST http://$c/dht/leave
  and joins again                    curl -d a:$a http://$c/dht/join
  stop all three                     sh apps/quickstart.sh stop
EOF
}

stop_node() {
  name=$1
  runs "$name" || { rm -f "$state/$name.pid" "$state/$name.address"; echo "Node $name is not running."; return 0; }
  pid=$(cat "$state/$name.pid")
  kill -TERM "$pid"
  waited=0
  while kill -0 "$pid" 2>/dev/null; do
    waited=$((waited + 1))
    [ "$waited" -le 600 ] || fail "node $name (process $pid) has not ended within a minute; its log is $state/$name.log"
    sleep 0.1
  done
  rm -f "$state/$name.pid" "$state/$name.address"
  echo "Stopped node $name."
}

case ${1:-start} in
  start) start ;;
  stop) for name in c b a; do stop_node "$name"; done ;;
  *) fail "'$1' is neither start nor stop. Usage: sh apps/quickstart.sh [start|stop]" ;;
esac
