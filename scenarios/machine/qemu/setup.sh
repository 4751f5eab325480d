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
# Certificates are trusted as update-ca-certificates has it, which takes too long here: in one bundle for programs that
# read that, and by a hash of the name for those that look certificates up.
for ca in usr/local/share/ca-certificates/*.crt; do
	[ -f "$ca" ] && [ -f "$1/etc/ssl/certs/ca-certificates.crt" ] || continue
	cat "$ca" >> "$1/etc/ssl/certs/ca-certificates.crt"
	hash=$(chroot "$1" openssl x509 -hash -noout -in "/$ca") && ln -sf "/$ca" "$1/etc/ssl/certs/$hash.0"
done
# An agent that came with the image is configured by what is added to its file: the last of two equal options counts.
if [ -f etc/waagent.conf.changes ]; then
	cat etc/waagent.conf.changes >> "$1/etc/waagent.conf"
fi
cp "$unit" "$1/$unit"
