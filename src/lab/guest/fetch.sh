#!/bin/sh
# Fetches the packages of the guest that has the kernel's ip_vs (guest.ts) and unpacks them into a folder of their own.
# Nothing is installed, no root is needed, the host's packages stay as they are. Silent when everything is there.
#
# Usage: fetch.sh [--dry-run]    into $WEIR_GUEST, by default ~/.cache/weir/guest
# Exit: 0 everything is there, 1 it could not be had.
set -eu

# One line per package: its name and what it is for.
packages='user-mode-linux  the guest: Linux as an ordinary program, ip_vs among its modules
busybox-static   mounts, loads modules and halts in the guest
ipvsadm          tells ip_vs in the guest what to balance
libnl-3-200      used by ipvsadm
libnl-genl-3-200  used by ipvsadm
libpopt0         used by ipvsadm'
target=${WEIR_GUEST:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/weir/guest}

fail() {
  printf 'fetch-guest: %s\n  Without the guest the tests against the kernel'\''s own ip_vs are skipped.\n' "$1" >&2
  exit 1
}

# Written last, so where it is the folder is complete.
[ ! -e "$target/packages" ] || exit 0

command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 ||
  fail 'this is not a Debian system (no apt-get)'
[ "$(dpkg --print-architecture)" = amd64 ] ||
  fail "Debian has user-mode-linux for amd64, not for $(dpkg --print-architecture)"

printf 'Debian packages to fetch (42 MB) and to unpack into %s, without installing them:\n' "$target"
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
mv "$work/versions" "$work/root/packages"
chmod 755 "$work/root"
# Somebody else may have been faster.
rm -rf "$target.old"
if [ -e "$target" ]; then mv "$target" "$target.old"; fi
mv "$work/root" "$target"
rm -rf "$target.old"
