#!/bin/sh
# Runs in the initial RAM disk, when the root filesystem is mounted and nothing of it has started: mounts the disk
# labelled waagent-run, if the machine has one, and lets its setup put files in place on the root.
[ "$1" = prereqs ] && exit 0
disk=$(blkid -L waagent-run) || exit 0
mkdir -p /run/waagent-run
mount -t ext4 -o ro "$disk" /run/waagent-run && /bin/sh /run/waagent-run/setup "$rootmnt"
exit 0
