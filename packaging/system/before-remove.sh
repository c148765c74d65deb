#!/bin/sh
# Debian: "remove" or "upgrade". RPM: the number of versions that stay.
set -eu

case "$1" in
  remove | 0)
    if [ -d /run/systemd/system ]; then systemctl disable --now berth.service || true; fi
    ;;
esac
