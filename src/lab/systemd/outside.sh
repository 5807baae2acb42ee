#!/bin/sh
# Holds a machine of systemd's (machine.ts starts it): makes its cgroup, starts inside.sh as the first process of
# namespaces of its own, and removes what is left when that has ended.
#
# Usage: outside.sh NAME NETNS FOLDER PROJECT NODE [UNIT...]
#   NAME     of its cgroup
#   NETNS    the network namespace in which it lives
#   FOLDER   of this machine alone: seed/ is laid over its files, console is what it says
#   PROJECT  the built sources; NODE: the program that runs them; UNIT: started at boot
# Ends when the machine does, and ends it with SIGTERM or with its own standard input: whoever started it may die, and the machine
# does not outlive him.
set -eu
name=$1 netns=$2 folder=$3
here=$(dirname "$0")

hierarchy=$(findmnt --noheadings --first-only --output TARGET --types cgroup2) || {
  echo 'no cgroup2 is mounted here, without which systemd does not start: mount -t cgroup2 cgroup2 /sys/fs/cgroup' >&2
  exit 1
}
cgroup=$hierarchy/$name
mkdir "$cgroup"
mkdir "$folder/root"
: >"$folder/console"

exec 3<&0
# The cgroup is entered first, for it is to be the root of the cgroup namespace (cgroup_namespaces(7)). What concerns the whole
# host is not for this machine, as in any container: modules, clocks, hardware.
sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$cgroup" \
  nsenter --net="/run/netns/$netns" -- \
  setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-sys_boot -- \
  unshare --mount --pid --ipc --uts --cgroup --fork --kill-child -- \
  sh "$here/inside.sh" "$@" </dev/null 3<&- &
child=$!
# Nobody may hear any more what a shell says of a child that was killed.
trap '' PIPE
trap 'kill -KILL "$child" 2>/dev/null || true' TERM INT HUP
{
  while read -r _; do :; done
  kill -KILL "$child" 2>/dev/null
} <&3 &
guard=$!

status=0
wait "$child" || status=$?
# A signal ends a wait, too.
while kill -0 "$child" 2>/dev/null; do
  status=0
  wait "$child" || status=$?
done
kill "$guard" 2>/dev/null || true
# The kernel ends what was in the namespace; a cgroup can go when nothing is in it any more.
tries=0
while [ -d "$cgroup" ] && [ "$tries" -lt 200 ]; do
  find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
  tries=$((tries + 1))
done
[ ! -d "$cgroup" ] || echo "$cgroup is still in use" >&2
exit "$status"
