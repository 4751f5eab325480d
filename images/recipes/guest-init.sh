#!/bin/sh
# Makes a container look like a VM that was just switched on, then becomes systemd. Runs as the container's first
# process, before anything of the guest, so nothing in it ever sees the half-made state.
# Arguments: address/prefix, gateway, DVD and resource disk as MAJOR:MINOR:NAME or "-", reachable or unreachable fabric,
# the VM's id or "-".
set -eu
address=$1 gateway=$2 dvd=$3 disk=$4 fabric=$5 uuid=$6

# The engine binds files of its own there, and a bind cannot be replaced by rename, as hostnamed and agents do.
for file in /etc/hostname /etc/hosts /etc/resolv.conf; do
	umount "$file" 2>/dev/null || true
done
echo localhost > /etc/hostname
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' > /etc/hosts
rm -f /etc/resolv.conf
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

# What firmware says is the host's, or missing altogether. The VM's id must be this guest's own: in the kernel's file where
# there is one, otherwise from the program that agents ask instead.
if [ "$uuid" != - ]; then
	mkdir -p /usr/local/sbin
	cat > /usr/local/sbin/dmidecode <<DMIDECODE
#!/bin/sh
case "\$*" in
'--string system-uuid' | '-s system-uuid') echo $uuid ;;
*) exit 1 ;;
esac
DMIDECODE
	chmod 755 /usr/local/sbin/dmidecode
	if [ -f /sys/class/dmi/id/product_uuid ]; then
		echo "$uuid" > /run/product_uuid
		mount --bind /run/product_uuid /sys/class/dmi/id/product_uuid
	fi
fi

# The guest sets up its own interface, with the routes that Azure's DHCP hands out. NetworkManager leaves alone what it
# finds set up.
if [ -f /etc/systemd/network/10-eth0.network ]; then
	ip address flush dev eth0
	cat > /etc/systemd/network/10-eth0.network <<NETWORK
[Match]
Name=eth0

[Network]
Address=$address
Gateway=$gateway

[Route]
Destination=168.63.129.16/32
Gateway=$gateway

[Route]
Destination=169.254.169.254/32
Gateway=$gateway
NETWORK
elif [ -f /etc/netplan/50-cloud-init.yaml ]; then
	ip address flush dev eth0
	cat > /etc/netplan/50-cloud-init.yaml <<NETPLAN
network:
  version: 2
  ethernets:
    eth0:
      addresses: [$address]
      routes:
        - {to: default, via: $gateway}
        - {to: 168.63.129.16/32, via: $gateway}
        - {to: 169.254.169.254/32, via: $gateway}
NETPLAN
elif grep -qs eth0 /etc/network/interfaces; then
	ip address flush dev eth0
	cat > /etc/network/interfaces <<INTERFACES
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
	address $address
	gateway $gateway
	up ip route replace 168.63.129.16/32 via $gateway
	up ip route replace 169.254.169.254/32 via $gateway
INTERFACES
else
	ip address replace "$address" dev eth0
	ip route replace default via "$gateway"
	ip route replace 168.63.129.16/32 via "$gateway"
	ip route replace 169.254.169.254/32 via "$gateway"
fi

# A table that wins over the others while a rule names it: the guest has its routes, and nobody is at their end.
for ip in 168.63.129.16 169.254.169.254; do
	ip route add unreachable "$ip/32" table 168
done
if [ "$fabric" = unreachable ]; then
	ip rule add pref 168 lookup 168
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
