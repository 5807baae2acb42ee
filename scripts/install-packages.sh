#!/bin/sh
# Installs the Debian packages that building and demonstrating Weir need; --test adds the servers that its health checks
# are tried on, --bench the peers it is measured against. Says first what it is going to install and why, and is silent when nothing is missing.
# --guest installs nothing: it fetches the guest that has the kernel's own ip_vs into ~/.cache/weir (CONTRIBUTING.md).
# --migrate installs qemu, and fetches the kernel that it boots there, too.
#
# Usage: scripts/install-packages.sh [--test] [--bench] [--migrate] [--dry-run]
#        scripts/install-packages.sh --guest [--dry-run]
# Exit: 0 everything is there, 1 something could not be installed, 2 wrong usage.
set -eu

# One line per package: its name and what it is for.
base_packages='clang        compiles bpf/director.bpf.c
llvm         strips the debug sections of the object (llvm-strip)
libbpf-dev   the headers the C side includes
libbpf1      loads the object into the kernel
bpftool      shows programs and maps when something has to be looked into
nftables     masquerades what the real servers send by themselves
iproute2     makes addresses, links and network namespaces
ethtool      switches the offloads of interfaces
curl         asks the API, in the guide and its tests
make         runs the targets of the Makefile
procps       sysctl and ps'
# No mail server that would take the place of one that is installed (mail-transport-agent).
test_packages='nginx        a web server for the checks of types http and https
redis-server a database for those of type steps
dnsmasq-base a name server for those of type dns
python3-aiosmtpd  a mail server for those of type smtp
openssl      makes the certificates of these tests
mandoc       reads the manual pages
systemd      starts the units of packaging/systemd, in namespaces of its own'
bench_packages='haproxy      measured beside Weir
nginx        the web server behind every director, and one of those measured
libnginx-mod-stream  nginx as a proxy of TCP and UDP, measured beside Weir
libc6-dev    the headers of the programs that send bulk data and datagrams
wrk          sends the HTTP requests that are counted'
migrate_packages='qemu-system-x86  emulates the machine in which data planes are changed under load
xz-utils     unpacks its kernel'\''s modules'
# Packages of which Debian starts a service: tests and bench start their own copies, in namespaces.
services='haproxy nginx redis-server'
policy=/usr/sbin/policy-rc.d

fail() {
  echo "install-packages: $1" >&2
  exit 1
}

bench=no
test=no
guest=no
migrate=no
dry_run=no
for argument in "$@"; do
  case $argument in
    --bench) bench=yes ;;
    --test) test=yes ;;
    --guest) guest=yes ;;
    --migrate) migrate=yes ;;
    --dry-run) dry_run=yes ;;
    *)
      echo "install-packages: unknown argument '$argument'; usage: $0 [--test] [--bench] [--migrate] [--dry-run], or --guest [--dry-run]" >&2
      exit 2
      ;;
  esac
done

fetch=$(dirname "$0")/../src/lab/guest/fetch.sh
if [ "$guest" = yes ]; then
  [ "$dry_run" = no ] || exec "$fetch" --dry-run
  exec "$fetch"
fi

command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 ||
  fail "this is not a Debian system (no apt-get). Install these by hand, then go on:
$base_packages"

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

wanted=$base_packages
[ "$test" = no ] || wanted="$wanted
$test_packages"
[ "$bench" = no ] || wanted="$wanted
$bench_packages"
[ "$migrate" = no ] || wanted="$wanted
$migrate_packages"

missing=''
explained=''
while read -r name purpose; do
  installed "$name" && continue
  # One that is in two of the lists.
  case " $missing " in *" $name "*) continue ;; esac
  missing="$missing $name"
  explained="$explained$(printf '  %-19s %s' "$name" "$purpose")
"
done <<LIST
$wanted
LIST

# What is not installed but fetched, at the end.
fetch_machine() {
  [ "$migrate" = yes ] || return 0
  [ "$dry_run" = no ] || set -- --dry-run
  "$fetch" --machine "$@"
}

if [ -z "$missing" ]; then
  fetch_machine
  exit
fi

printf 'Debian packages to install:\n%s' "$explained"
if [ "$dry_run" = yes ]; then
  fetch_machine
  exit
fi
[ "$(id -u)" = 0 ] || fail "installing needs root; run as root: apt-get install$missing"

# Which services are ours to keep quiet: only those this run brings in. One that was there before is left alone.
quiet=''
for service in $services; do
  case " $missing " in *" $service "*) quiet="$quiet $service" ;; esac
done

# While installing, invoke-rc.d and deb-systemd-invoke ask policy-rc.d; 101 means "do not start" (Debian Policy 9.3.3).
# An administrator's own file is never replaced. It needs no running systemd, so it works in a container too.
log=$(mktemp)
made_policy=no
remove_policy() {
  if [ "$made_policy" = yes ]; then rm -f "$policy"; fi
  made_policy=no
}
trap 'remove_policy; rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -n "$quiet" ] && [ ! -e "$policy" ]; then
  made_policy=yes
  printf '#!/bin/sh\n# Made by install-packages.sh for the time of one apt-get run.\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
echo 'apt-get update …'
apt-get -qq update || fail "apt-get update failed; check /etc/apt/sources.list and the network, then run this again"
echo "apt-get install$missing …"
# shellcheck disable=SC2086 # The list is meant to be split.
if ! apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $missing </dev/null >"$log" 2>&1; then
  cat "$log" >&2
  fail "apt-get install failed; the lines above say why"
fi
remove_policy

# What was installed for tests and bench is not to listen on port 80 after the next boot either.
for service in $quiet; do
  if [ -d /run/systemd/system ]; then
    systemctl disable --now --quiet "$service" || fail "could not disable the service $service"
  else
    SYSTEMD_OFFLINE=1 systemctl disable --quiet "$service" 2>/dev/null || true
    update-rc.d "$service" disable 2>/dev/null || true
  fi
done

for name in $missing; do
  installed "$name" || fail "$name is still not installed"
done
echo 'Debian packages are complete.'
fetch_machine
