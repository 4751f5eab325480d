#!/bin/sh
# Makes a container look like a VM that was just switched on, then becomes systemd. Runs as the container's first
# process, before anything of the guest, so nothing in it ever sees the half-made state.
# Arguments: address/prefix, gateway, DVD and resource disk as MAJOR:MINOR:NAME or "-", next hop to the fabric.
set -eu
address=$1 gateway=$2 dvd=$3 disk=$4 hop=$5

# The engine binds files of its own there, and a bind cannot be replaced by rename, as hostnamed and agents do.
for file in /etc/hostname /etc/hosts /etc/resolv.conf; do
	umount "$file" 2>/dev/null || true
done
echo localhost > /etc/hostname
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' > /etc/hosts
echo 'nameserver 168.63.129.16' > /etc/resolv.conf
hostname localhost

# systemd 258 and later refuse a version 1 hierarchy, and guests must not share units' groups: each gets a version 2 tree
# of its own, below the group the engine made for it where there is one.
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
	umount -R /sys/fs/cgroup 2>/dev/null || true
	mkdir -p /run/cgroup
	mount -t cgroup2 cgroup2 /run/cgroup
	group=$(sed -n 's/^0:://p' /proc/self/cgroup)
	if [ "$group" = / ] || [ ! -d "/run/cgroup$group" ]; then
		group=/waagent-go/$(cat /proc/sys/kernel/random/uuid)
		mkdir -p "/run/cgroup$group"
		echo 1 > "/run/cgroup$group/cgroup.procs"
	fi
	umount /run/cgroup
	rmdir /run/cgroup
	enter='unshare --cgroup'
else
	mount -o remount,rw /sys/fs/cgroup
	enter=
fi

# Block devices: the kernel makes a partition's node in its own device filesystem only, so links lead there.
if [ "$dvd" != - ]; then
	mknod -m 0660 /dev/sr0 b "${dvd%%:*}" "$(echo "$dvd" | cut -d: -f2)"
fi
if [ "$disk" != - ]; then
	name=${disk##*:}
	mknod -m 0660 "/dev/$name" b "${disk%%:*}" "$(echo "$disk" | cut -d: -f2)"
	mkdir -p /dev/.host /dev/disk/azure
	mount -t devtmpfs devtmpfs /dev/.host
	mount -o remount,bind,ro /dev/.host
	for n in 1 2 3 4; do
		ln -s ".host/${name}p$n" "/dev/${name}p$n"
		ln -s "../../${name}p$n" "/dev/disk/azure/resource-part$n"
	done
	ln -s "../../$name" /dev/disk/azure/resource
fi

# The guest sets up its own interface, with the routes that Azure's DHCP hands out.
if [ -d /etc/network ]; then
	ip address flush dev eth0
	cat > /etc/network/interfaces <<INTERFACES
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
	address $address
	gateway $gateway
	up ip route replace 168.63.129.16/32 via $hop
	up ip route replace 169.254.169.254/32 via $hop
INTERFACES
else
	ip route replace 168.63.129.16/32 via "$hop"
	ip route replace 169.254.169.254/32 via "$hop"
fi

# Trust the fabric's blob storage: once for programs that read the bundle, once for those that look names up by hash.
ca=/usr/local/share/ca-certificates/fabric.crt
if [ -f $ca ]; then
	cat $ca >> /etc/ssl/certs/ca-certificates.crt
	if command -v openssl >/dev/null; then
		ln -sf $ca "/etc/ssl/certs/$(openssl x509 -hash -noout -in $ca).0"
	fi
fi

rm -f "$0" || true # it may be a bind mount
exec $enter /bin/sh -c '
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	exec /sbin/init --log-target=journal'
