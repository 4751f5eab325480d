#!/bin/sh
# Runs in the guest's initial RAM disk with the root about to be booted as $1: puts this disk's files there, owned by
# root whoever made the disk. Only once: what the guest makes of them afterwards is its own, across reboots too.
set -e
unit=etc/systemd/system/guest-helper.service
[ ! -e "$1/$unit" ] || exit 0
cd /run/waagent-run/root
find . -type d | while read -r d; do
	[ -d "$1/$d" ] || mkdir -m 0755 "$1/$d"
done
find . ! -type d ! -path "./$unit" | while read -r f; do
	cp -dpf "$f" "$1/$f"
	chown -h 0:0 "$1/$f"
done
cp "$unit" "$1/$unit"
# Trust the fabric's blob storage: once for programs that read the bundle, once for those that look names up by hash.
ca=/usr/local/share/ca-certificates/fabric.crt
if [ -f "$1$ca" ]; then
	cat "$1$ca" >> "$1/etc/ssl/certs/ca-certificates.crt"
	hash=$(chroot "$1" openssl x509 -hash -noout -in "$ca" 2>/dev/null) && ln -sf "$ca" "$1/etc/ssl/certs/$hash.0"
fi
exit 0
