#!/bin/sh
# Debian: "configure", and the version before if there was one. RPM: the number of versions that are installed now.
set -eu

case "$1" in
  configure) before=${2:-} ;;
  1) before= ;;
  2) before=an-older-one ;;
  *) exit 0 ;;
esac

if ! getent passwd berth >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/berth --no-create-home --shell /usr/sbin/nologin berth
fi
# Whoever deleted it gets it back by reinstalling with --force-confmiss, and not by an upgrade.
if [ -e /etc/berth/berth.yaml ]; then
  chown root:berth /etc/berth/berth.yaml
  chmod 0640 /etc/berth/berth.yaml
fi

# In a container or a chroot no systemd runs.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if [ -n "$before" ]; then
    systemctl try-restart berth.service
  elif grep -qs '^domain:' /etc/berth/berth.yaml; then
    systemctl enable --now berth.service
  fi
fi
if [ -z "$before" ] && ! grep -qs '^domain:' /etc/berth/berth.yaml; then
  echo 'Berth is installed and not started. Set "domain" in /etc/berth/berth.yaml, then: systemctl enable --now berth'
fi
