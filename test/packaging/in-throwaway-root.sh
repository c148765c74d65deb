#!/bin/sh
# Runs a script in a copy of this machine's file system that is gone afterwards: changes go to memory. Usage: SCRIPT FOLDER,
# where FOLDER is seen there as /packages. Needs root.
set -eu

script=$1
packages=$2
layers=$(mktemp -d)
trap 'rmdir "$layers"' EXIT
SCRIPT=$script PACKAGES=$packages LAYERS=$layers unshare --mount --pid --fork sh -eu -c '
  mount -t tmpfs none "$LAYERS"
  mkdir "$LAYERS/changes" "$LAYERS/work" "$LAYERS/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$LAYERS/changes,workdir=$LAYERS/work" "$LAYERS/root"
  root=$LAYERS/root
  mount -t proc proc "$root/proc"
  mount --bind /dev "$root/dev"
  mount -t tmpfs none "$root/tmp"
  mkdir -p "$root/packages"
  mount --bind "$PACKAGES" "$root/packages"
  exec chroot "$root" sh -eu -c "$SCRIPT"
'
