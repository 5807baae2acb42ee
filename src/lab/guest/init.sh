#!/bin/sh
# The first process of the guest (src/lab/guest/guest.ts starts it; the kernel hands on what its command line says):
#   weir_tools  folder with the unpacked packages: kernel modules, busybox, ipvsadm and its libraries
#   weir_run    folder of this run: job.sh is run in it, stdout, stderr and status are left in it
#   weir_seconds  how long the job may take
#
# The host's files are the guest's root, read-only, below a layer in memory; weir_run alone can be written through.
# Ends by halting the machine, whatever happens: a guest that does not halt is ended by its time limit.
box=$weir_tools/bin/busybox
modules=$weir_tools/usr/lib/uml/modules
[ -e "$modules" ] || modules=$weir_tools/lib/modules
libraries=$weir_tools/lib/x86_64-linux-gnu:$weir_tools/usr/lib/x86_64-linux-gnu

# The job's part: the same file again, inside the new root.
if [ "${1:-}" = inside ]; then
  export PATH="$weir_tools/sbin:$weir_tools/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  export LD_LIBRARY_PATH="$libraries" HOME=/tmp
  # The kernel itself asks /sbin/modprobe for schedulers; busybox's takes modules from /lib/modules.
  "$box" ln -sf "$box" /sbin/modprobe
  "$box" mkdir -p /lib/modules
  for version in "$modules"/*; do "$box" ln -s "$version" /lib/modules/; done
  cd "$weir_run" || exit 1
  # What libcrc32c asks for by another name; and where one is a part of the kernel, there is no module of it.
  /sbin/modprobe -q crc32c_generic
  /sbin/modprobe -q ipv6
  /sbin/modprobe -a veth dummy ip_vs || exit 1
  ip link set lo up || exit 1
  "$box" timeout "$weir_seconds" /bin/sh ./job.sh <input >stdout 2>stderr
  echo $? >status
  exit
fi

# /sys is a directory that every root has and in which no file of ours can lie.
root=/sys/root
set -e
trap '"$box" poweroff -f' EXIT
"$box" insmod "$modules"/*/kernel/fs/overlayfs/overlay.ko
"$box" mount -t tmpfs none /sys
"$box" mkdir /sys/upper /sys/work "$root"
"$box" mount -t overlay -o lowerdir=/,upperdir=/sys/upper,workdir=/sys/work none "$root"
"$box" mount -t proc none "$root/proc"
"$box" mount -t sysfs none "$root/sys"
"$box" mount -t devtmpfs none "$root/dev"
"$box" mount -t tmpfs none "$root/run"
"$box" mount -t hostfs -o "$weir_run" none "$root$weir_run"
# pivot_root rather than chroot: when the kernel wants a module it calls modprobe in the root of the first process.
"$box" mkdir "$root/run/before"
cd "$root"
"$box" pivot_root . run/before
"$box" chroot . /bin/sh "$0" inside
