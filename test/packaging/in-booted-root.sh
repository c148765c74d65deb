#!/bin/sh
# Boots systemd in a copy of this machine's file system that is gone afterwards, and runs a script in it: changes go to memory,
# and no network leads out. Usage: in-booted-root.sh FOLDER, where FOLDER is seen there as /packages; it holds script.sh, whose
# output goes to output.txt beside it. Needs root, and exits with 77 where a machine allows no mounts.
set -eu

packages=$1
# Longest life of the booted system, in seconds.
limit=240
layers=$(mktemp -d)
trap 'rmdir "$layers"' EXIT
# What systemd cannot do without: namespaces, an overlay, and a hierarchy of control groups for itself.
unshare --mount --pid --cgroup --net --uts --ipc --fork sh -eu -c '
  mount -t tmpfs none "$0"
  mkdir "$0/c" "$0/w" "$0/r" "$0/g"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$0/c,workdir=$0/w" "$0/r"
  mount -t cgroup -o none,name=systemd cgroup "$0/g"
' "$layers" >"$packages/boot.txt" 2>&1 || exit 77
PACKAGES=$packages LAYERS=$layers timeout -s KILL "$limit" unshare --mount --pid --cgroup --net --uts --ipc --fork --kill-child sh -eu -c '
  mount -t tmpfs none "$LAYERS"
  mkdir "$LAYERS/changes" "$LAYERS/work" "$LAYERS/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$LAYERS/changes,workdir=$LAYERS/work" "$LAYERS/root"
  root=$LAYERS/root
  mount -t proc proc "$root/proc"
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount -o remount,ro,bind "$root/proc/sys"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t tmpfs -o mode=755 none "$root/dev"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  touch "$root/dev/console" "$PACKAGES/console.txt"
  mount --bind "$PACKAGES/console.txt" "$root/dev/console"
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
  ln -s pts/ptmx "$root/dev/ptmx"
  mount -t tmpfs none "$root/run"
  mount -t tmpfs -o mode=1777 none "$root/tmp"
  mount -t tmpfs none "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
  mkdir -p "$root/packages"
  mount --bind "$PACKAGES" "$root/packages"
  cat > "$root/etc/systemd/system/try.service" <<UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
TimeoutStartSec=infinity
StandardOutput=append:/packages/output.txt
StandardError=append:/packages/output.txt
ExecStart=/bin/sh /packages/script.sh
ExecStopPost=/bin/systemctl --no-block exit
UNIT
  # No bus: nothing here needs it, and its own start would wait for units of the machine.
  ln -sf /dev/null "$root/etc/systemd/system/dbus.service"
  exec chroot "$root" env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=try.service --log-target=console --show-status=0
' </dev/null >"$packages/boot.txt" 2>&1 || exit 1
