#!/bin/sh
# Debian: "configure", and the version before if there was one. RPM: the number of versions that are installed now.
set -eu

case "$1" in
  configure) before=${2:-} ;;
  1) before= ;;
  2) before=an-older-one ;;
  *) exit 0 ;;
esac

# An account of a person has another home: the service would get its rights, and it those of the service.
if entry=$(getent passwd berth); then
  home=$(echo "$entry" | cut -d: -f6)
  if [ "$home" != /var/lib/berth ]; then
    echo "The account \"berth\" has the home folder $home, and the service needs an account of this name for itself." \
      "Rename that account (usermod --login OTHER berth), and install again." >&2
    exit 1
  fi
elif getent group berth >/dev/null; then
  useradd --system --gid berth --home-dir /var/lib/berth --no-create-home --shell /usr/sbin/nologin berth
else
  useradd --system --user-group --home-dir /var/lib/berth --no-create-home --shell /usr/sbin/nologin berth
fi
# Whoever deleted it gets it back by reinstalling with --force-confmiss, and not by an upgrade.
if [ -e /etc/berth/berth.yaml ]; then
  chown root:berth /etc/berth/berth.yaml
  chmod 0640 /etc/berth/berth.yaml
fi

has_domain() { grep -qs '^domain:' /etc/berth/berth.yaml; }
# In a container or a chroot no systemd runs.
runs_systemd() { [ -d /run/systemd/system ]; }

if runs_systemd; then
  systemctl daemon-reload
  if [ -n "$before" ]; then
    # With berth.socket connections wait meanwhile.
    systemctl try-restart berth.service
  elif has_domain; then
    systemctl enable berth.socket berth.service
    systemctl start berth.socket
    systemctl start berth.service
  fi
fi
if [ -z "$before" ] && ! has_domain; then
  echo 'Berth is installed and not started. Set "domain" in /etc/berth/berth.yaml, then: systemctl enable --now berth.socket berth'
elif runs_systemd && ! systemctl --quiet is-active berth.service; then
  echo 'Berth is installed and does not run. To start it now and with the machine: systemctl enable --now berth.socket berth'
fi
