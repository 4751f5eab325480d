#!/bin/sh
# Makes a freshly installed Debian tree look like a deprovisioned image: nothing in it identifies a machine, so that the
# first boot has to create host keys and ids, as in a real VM. Called by mmdebstrap with the tree as its argument.
set -eu
root=$1

rm -f "$root"/etc/ssh/ssh_host_*
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
rm -f "$root/etc/resolv.conf" "$root/var/lib/dhcp"/*.leases
echo localhost > "$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' > "$root/etc/hosts"

mkdir -p "$root/etc/network"
cat > "$root/etc/network/interfaces" <<'INTERFACES'
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet dhcp
INTERFACES

# Like other distributions' sshd-keygen: a server with no key at all would fail for good before an agent made its keys.
cat > "$root/lib/systemd/system/ssh-hostkey.service" <<'UNIT'
[Unit]
Description=Make a first SSH host key
Before=ssh.service
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
UNIT
mkdir -p "$root/etc/systemd/system/ssh.service.requires"
ln -sf /lib/systemd/system/ssh-hostkey.service "$root/etc/systemd/system/ssh.service.requires/ssh-hostkey.service"

# Periodic upkeep of the distribution would only disturb measurements.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
