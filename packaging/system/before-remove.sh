#!/bin/sh
# Debian: "remove" or "upgrade". RPM: the number of versions that stay.
set -eu

case "$1" in
  remove | 0)
    # The socket first: a connection to it would start the service again.
    if [ -d /run/systemd/system ]; then
      systemctl disable --now berth.socket || true
      systemctl disable --now berth.service || true
    fi
    ;;
esac
