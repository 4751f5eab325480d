#!/bin/sh
# The first program of a guest: loads the drivers of its disks and hands over to the system on the root filesystem.
# Distributions start a device manager here, to be ready for any machine; this machine is known.
# If a disk labelled waagent-run is there, it is mounted and its setup may put files on the root before anything of
# the root runs.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs /run
# Disks get their names in the order of their places, as on a machine whose controllers are slower than its kernel.
# Left alone, the kernel looks at all of them at once and the first to answer is sda.
while read -r module; do
	case $module in
	scsi_mod.ko) insmod "/modules/$module" scan=sync && echo 0 > /sys/bus/scsi/drivers_autoprobe ;;
	*) insmod "/modules/$module" ;;
	esac
done < /modules/order
for disk in /sys/bus/scsi/devices/[0-9]*; do
	read -r type < "$disk/type"
	[ "$type" = 0 ] && echo "${disk##*/}" > /sys/bus/scsi/drivers/sd/bind
done
echo 1 > /sys/bus/scsi/drivers_autoprobe

# Older busyboxes have no findfs. An ext4 filesystem has its label 120 bytes into its superblock, which begins at 1024.
labelled() {
	for device in /sys/class/block/*; do
		device=/dev/${device##*/}
		label=$(dd if="$device" bs=8 skip=143 count=2 2>/dev/null | tr -d '\000')
		[ "$label" = "$1" ] && echo "$device" && return
	done
	false
}

find_disk() { # disks appear some moments after their driver
	tries=100
	until labelled "$1" || [ $tries = 0 ]; do
		tries=$((tries - 1))
		usleep 50000
	done
}
root=$(find_disk root)
[ -n "$root" ] || echo "No init found: no disk is labelled root"
mount -t ext4 -o noatime "$root" /root
if [ -b /dev/vda ]; then
	mkdir -p /run/waagent-run
	mount -t ext4 -o ro "$(labelled waagent-run)" /run/waagent-run && sh /run/waagent-run/setup /root
fi
for dir in dev run sys proc; do
	mount -o move "/$dir" "/root/$dir"
done
exec switch_root /root /sbin/init "$@"
