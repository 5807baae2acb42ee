#!/bin/sh
# The first process of the guest that qemu runs, in a file system in memory (machine.ts packs it): makes the host's files the
# root, as init.sh does in user-mode-linux, and goes on as that. The kernel hands on what its command line says:
#   weir_init   the path of init.sh among the host's files
#   weir_tools, weir_run, weir_seconds   see init.sh
box=/busybox
trap '"$box" poweroff -f' EXIT
set -e
"$box" mkdir -p /proc /new /host /memory
"$box" mount -t proc none /proc
while read -r module; do "$box" insmod "/modules/$module"; done </modules/order
options=trans=virtio,version=9p2000.L,msize=524288
"$box" mount -t 9p -o "ro,cache=loose,$options" host /host
"$box" mount -t tmpfs none /memory
"$box" mkdir /memory/upper /memory/work
"$box" mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work none /new
"$box" mount -t proc none /new/proc
"$box" mount -t sysfs none /new/sys
"$box" mount -t devtmpfs none /new/dev
"$box" mount -t tmpfs none /new/run
"$box" mount -t 9p -o "rw,cache=none,$options" run "/new$weir_run"
# No pivot_root out of this kind of root (Documentation/filesystems/ramfs-rootfs-initramfs.rst): the new one is moved over it.
# By the first process itself, for the kernel's own threads share its root, and look for modprobe there.
cd /new
"$box" mount --move . /
exec "$box" chroot . /bin/sh -c '/bin/sh "$weir_init" inside; "$weir_tools/bin/busybox" poweroff -f'
