# Makes a freshly installed Debian tree look like a deprovisioned image: nothing in it identifies a machine, so that the
# first boot has to create host keys and ids, as in a real VM. Called by mmdebstrap with the tree as its argument;
# $network and $os_release are set in front of it.
root=$1

rm -f "$root"/etc/ssh/ssh_host_*
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
rm -f "$root/etc/resolv.conf" "$root/var/lib/dhcp"/*.leases
echo localhost > "$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' > "$root/etc/hosts"

# Who is in charge of eth0. Where it is not ifupdown, its file knows the loopback interface only.
mkdir -p "$root/etc/network"
printf 'auto lo\niface lo inet loopback\n' > "$root/etc/network/interfaces"
case $network in
ifupdown)
	printf '\nauto eth0\niface eth0 inet dhcp\n' >> "$root/etc/network/interfaces" ;;
networkd)
	mkdir -p "$root/etc/systemd/network"
	printf '[Match]\nName=eth0\n\n[Network]\nDHCP=yes\n' > "$root/etc/systemd/network/10-eth0.network"
	chroot "$root" systemctl --quiet enable systemd-networkd ;;
netplan)
	mkdir -p "$root/etc/netplan"
	printf 'network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n' > "$root/etc/netplan/50-cloud-init.yaml"
	chmod 600 "$root/etc/netplan/50-cloud-init.yaml"
	chroot "$root" systemctl --quiet enable systemd-networkd ;;
networkmanager) ;; # it takes every interface that has no file
esac

if [ -e "$root/lib/systemd/systemd-resolved" ]; then
	ln -s ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
fi

# A look-alike has another distribution's identity on Debian's programs.
if [ -n "$os_release" ]; then
	rm -f "$root/etc/os-release"
	printf '%s' "$os_release" > "$root/etc/os-release"
fi

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
