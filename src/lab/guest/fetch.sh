#!/bin/sh
# Fetches the packages of the guest that has the kernel's ip_vs (guest.ts) and unpacks them into a folder of their own.
# Nothing is installed, no root is needed, the host's packages stay as they are. Silent when everything is there.
#
# Usage: fetch.sh [--dry-run]             user-mode-linux, into $WEIR_GUEST, by default ~/.cache/weir/guest
#        fetch.sh --machine [--dry-run]   a kernel for qemu, into $WEIR_MACHINE, by default ~/.cache/weir/machine
# Exit: 0 everything is there, 1 it could not be had.
set -eu

# One line per package: its name and what it is for.
tools='busybox-static   mounts, loads modules and halts in the guest
ipvsadm          tells ip_vs in the guest what to balance
libnl-3-200      used by ipvsadm
libnl-genl-3-200  used by ipvsadm
libpopt0         used by ipvsadm'
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/weir
machine=no
if [ "${1:-}" = --machine ]; then
  machine=yes
  shift
fi

fail() {
  if [ "$machine" = yes ]; then without='make guest-migrate has no kernel to boot'; else
    without='the tests against the kernel'\''s own ip_vs are skipped'
  fi
  printf 'fetch-guest: %s\n  Without the guest %s.\n' "$1" "$without" >&2
  exit 1
}

if [ "$machine" = yes ]; then
  target=${WEIR_MACHINE:-$cache/machine}
else
  target=${WEIR_GUEST:-$cache/guest}
fi

# Written last, so where it is the folder is complete.
[ ! -e "$target/packages" ] || exit 0

command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 ||
  fail 'this is not a Debian system (no apt-get)'
[ "$(dpkg --print-architecture)" = amd64 ] ||
  fail "Debian has user-mode-linux for amd64, not for $(dpkg --print-architecture)"

if [ "$machine" = yes ]; then
  # The package of Linux 6.12 for PCs: what Debian 12 has as a backport, and Debian 13 as its own.
  for meta in linux-image-6.12-amd64 linux-image-amd64; do
    kernel=$(apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-6\.12.*\)$/\1/p' | head -n 1)
    [ -z "$kernel" ] || break
  done
  kernel=${WEIR_KERNEL:-$kernel}
  [ -n "$kernel" ] || fail 'apt knows no package of Linux 6.12 (linux-image-6.12-amd64); run apt-get update as root'
  packages="$kernel  the kernel: BPF and ip_vs both
$tools"
  size='103 MB'
else
  packages="user-mode-linux  the guest: Linux as an ordinary program, ip_vs among its modules
$tools"
  size='42 MB'
fi

printf 'Debian packages to fetch (%s) and to unpack into %s, without installing them:\n' "$size" "$target"
echo "$packages" | sed 's/^/  /'
[ "${1:-}" != --dry-run ] || exit 0
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/packed" "$work/root"
cd "$work/packed"

# As the user who runs this: apt's own user may not be able to write here. apt-get checks what it gets.
names=$(echo "$packages" | sed 's/ .*//')
download() {
  # shellcheck disable=SC2086 # The list is meant to be split.
  apt-get -qq -o APT::Sandbox::User="$(id -un)" -o Acquire::http::Timeout=20 download $names >>"$work/log" 2>&1
}
if ! download; then
  # Lists that are missing or too old; they can be fetched by root alone.
  : >"$work/log"
  [ "$(id -u)" != 0 ] || apt-get -qq -o Acquire::http::Timeout=20 update >>"$work/log" 2>&1 || true
  download || {
    cat "$work/log" >&2
    fail 'apt-get download failed; the lines above say why. Check the network, or run apt-get update as root'
  }
fi
for package in *.deb; do
  dpkg-deb -x "$package" "$work/root" || fail "cannot unpack $package"
  dpkg-deb -f "$package" Package Version | sed 's/^[^:]*: //' | paste -d ' ' - - >>"$work/versions"
done
rm -rf "$work/root/usr/share" "$work/root/etc"
# Debian 13 has moved everything into /usr.
for folder in bin sbin lib; do
  [ -e "$work/root/$folder" ] || ln -s "usr/$folder" "$work/root/$folder"
done
if [ "$machine" = yes ]; then
  # Of the modules only those that a network in namespaces, on files of the host's, may need; uncompressed, for busybox.
  modules=$(echo "$work"/root/*/modules/* "$work"/root/usr/lib/modules/*)
  for folder in $modules; do [ ! -d "$folder/kernel" ] || break; done
  for part in arch drivers/virtio drivers/net/veth.ko drivers/net/dummy.ko fs/9p fs/fscache fs/netfs fs/overlayfs lib net crypto; do
    for file in "$folder/kernel/$part"*; do
      [ ! -e "$file" ] || (cd "$folder" && mkdir -p "kept/$(dirname "$part")" && mv "$file" "kept/$(dirname "$part")/")
    done
  done
  rm -rf "$folder/kernel" "$work"/root/boot/System.map*
  mv "$folder/kept" "$folder/kernel"
  find "$folder" -name '*.ko.xz' -exec xz -d {} +
  "$work/root/bin/busybox" depmod -b "$work/root" "$(basename "$folder")" || fail 'busybox depmod failed'
fi
mv "$work/versions" "$work/root/packages"
chmod 755 "$work/root"
# Somebody else may have been faster.
rm -rf "$target.old"
if [ -e "$target" ]; then mv "$target" "$target.old"; fi
mv "$work/root" "$target"
rm -rf "$target.old"
