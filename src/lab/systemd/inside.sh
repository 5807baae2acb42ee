#!/bin/sh
# The first process of a machine of systemd's (outside.sh starts it, in mount, pid, ipc, uts, cgroup and network namespaces of its
# own): lays out its files and becomes systemd.
#
# The host's files are its root below a layer in memory; nothing of the host's can be changed through it. Weir is installed as a
# package would: units in /lib/systemd/system, programs in /usr/lib/weir, /usr/bin/weir.
set -eu
folder=$3 project=$4 node=$5
shift 5
umask 022

# Read by this shell itself, in the /proc of whoever started it.
read -r pid rest </proc/self/stat

mount --make-rprivate /
memory=$folder/root
mount -t tmpfs -o mode=0755 tmpfs "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/new"
new=$memory/new
mount -t overlay -o "lowerdir=/,upperdir=$memory/upper,workdir=$memory/work" overlay "$new"

# As systemd-nspawn(1) does: of the kernel's parameters only those of its own network can be set.
mount -t proc proc "$new/proc"
mount --bind "$new/proc/sys" "$new/proc/sys"
mount --bind "$new/proc/sys/net" "$new/proc/sys/net"
mount -o remount,bind,ro "$new/proc/sys"
mount -t sysfs -o ro sysfs "$new/sys"
mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup"
# As systemd does itself where it is not in a container (src/shared/mount-setup.c: mode=0700).
mount -t bpf -o nosuid,nodev,noexec,mode=0700 bpf "$new/sys/fs/bpf"
mount -t tmpfs -o mode=0755 tmpfs "$new/dev"
for device in null zero full random urandom tty; do
  : >"$new/dev/$device"
  mount --bind "/dev/$device" "$new/dev/$device"
done
mkdir "$new/dev/pts" "$new/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$new/dev/pts"
ln -s pts/ptmx "$new/dev/ptmx"
ln -s /proc/self/fd "$new/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$new/dev/shm"
: >"$new/dev/console"
mount --bind "$folder/console" "$new/dev/console"

# What this host does at boot is not what is tried: its own units, generators, file systems and parameters stay out.
rm -rf "$new/etc/systemd" "$new/etc/sysctl.d" "$new/etc/modules-load.d" "$new/etc/ipvsadm.rules" \
  "$new/etc/weir" "$new/var/lib/weir" "$new/var/lib/weir-agent" "$new/var/lib/private" "$new/var/log/journal"
rm -f "$new/etc/fstab" "$new/etc/crypttab" "$new/etc/sysctl.conf"
mkdir -p "$new/etc/systemd/system" "$new/etc/sysctl.d" "$new/etc/modules-load.d"
# Without one systemd takes this for the first boot and enables what is installed (machine-id(5)).
echo 00000000000000000000000077656972 >"$new/etc/machine-id"
mount -t tmpfs -o mode=0755 tmpfs "$new/usr/lib/systemd/system-generators"
for unit in systemd-logind.service getty.target dbus.service dbus.socket; do
  ln -s /dev/null "$new/etc/systemd/system/$unit"
done

mkdir -p "$new/usr/lib/weir"
mount --bind "$project" "$new/usr/lib/weir"
mount -o remount,bind,ro "$new/usr/lib/weir"
# What is there may be a link, which would lead out of here.
rm -f "$new/usr/bin/node"
: >"$new/usr/bin/node"
mount --bind "$node" "$new/usr/bin/node"
ln -sf /usr/lib/weir/dist/weir.js "$new/usr/bin/weir"
cp "$project"/packaging/systemd/*.service "$new/usr/lib/systemd/system/"
mkdir -m 0750 "$new/etc/weir"
cp -R "$folder/seed/." "$new/"
[ $# = 0 ] || systemctl --root="$new" --quiet enable "$@"
mount -t tmpfs -o mode=0755 tmpfs "$new/run"
mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"

mkdir "$new/run/host"
cd "$new"
pivot_root . run/host
umount -l /run/host
rmdir /run/host
echo "pid $pid"
exec env -i container=weir-lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /usr/lib/systemd/systemd --system --unit=multi-user.target --show-status=1 --log-target=journal-or-kmsg \
  >/dev/null 2>&1
