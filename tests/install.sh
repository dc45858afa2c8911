# shellcheck shell=sh disable=SC2034  # the lists are used by those who source this
# Installs the Debian packages that building and testing need, and only those that are missing.
#
# Sourced, not run:  . tests/install.sh; install_packages $packages_to_build $packages_to_test

packages_to_build='g++ meson ninja-build pkg-config libasio-dev libfmt-dev libspdlog-dev node-llhttp libcli11-dev nlohmann-json3-dev libjemalloc-dev librocksdb-dev'
packages_to_test='doctest-dev libbenchmark-dev curl'
packages_for_clang='clang libclang-rt-14-dev llvm'
packages_to_format='clang-format'
packages_to_load='wrk'
packages_to_compare='wrk nginx-light redis-server redis-tools etcd-server gnuplot-nox'

# The packages of the list that are not installed.
missing_packages() {
  for package in "$@"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || printf ' %s' "$package"
  done
}

# Runs apt-get, as root or through sudo, never asking anything.
apt_get() {
  if [ "$(id -u)" -eq 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null
  else
    sudo env DEBIAN_FRONTEND=noninteractive apt-get "$@"
  fi
}

install_packages() {
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    echo "This system has no apt-get, so nothing is installed here. Needed are what these Debian packages hold: $*"
    return 0
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
    echo "These packages are missing, and there is neither root nor sudo to install them:$missing" >&2
    return 1
  fi
  echo "Installing with apt-get:$missing"
  # A fresh system knows no packages yet, an old one knows versions that are gone: both need one update.
  # shellcheck disable=SC2086
  if ! apt_get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; then
    echo "Fetching the list of packages first (apt-get update)"
    apt_get update -qq || { echo "apt-get update failed; is there a network?" >&2; return 1; }
    apt_get install -y -qq --no-install-recommends $missing >/dev/null ||
      { echo "apt-get could not install:$missing" >&2; return 1; }
  fi
}
