#!/bin/sh
# Images and keys stay, also after a purge: they cannot be had again. Debian says "purge"; RPM knows no such step.
set -eu

if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
case "$1" in
  purge | 0)
    if [ -d /var/lib/berth ]; then
      echo 'The images, accounts and keys of Berth stay in /var/lib/berth. To remove them: rm -r /var/lib/berth && userdel berth'
    fi
    ;;
esac
