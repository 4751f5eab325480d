package host

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// linux/netfilter_ipv4/ip_tables.h
const (
	iptGetInfo    = 64
	iptGetEntries = 65
	iptInfoSize   = 32 + 4 + 5*4 + 5*4 + 4 + 4
	iptHeadSize   = 40 // name, size, padding
	iptEntrySize  = 112
	iptNextOffset = 90
	iptComeFrom   = 92
)

// XtablesPrint is a value that differs whenever the rules of a table of the old iptables do; "" when the kernel has no
// such tables or does not tell.
func XtablesPrint(table string) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	info := make([]byte, iptInfoSize)
	copy(info, table)
	if getsockopt(fd, iptGetInfo, info) != nil {
		return ""
	}
	count, size := binary.NativeEndian.Uint32(info[76:]), binary.NativeEndian.Uint32(info[80:])
	if size > 64<<20 {
		return ""
	}
	entries := make([]byte, iptHeadSize+int(size))
	copy(entries, table)
	binary.NativeEndian.PutUint32(entries[32:], size)
	if getsockopt(fd, iptGetEntries, entries) != nil {
		return ""
	}
	h := fnv.New64a()
	h.Write(withoutCounters(entries[iptHeadSize:]))
	return fmt.Sprintf("%d entries %x", count, h.Sum64())
}

// withoutCounters zeroes what changes with each packet.
func withoutCounters(entries []byte) []byte {
	for at := 0; at+iptEntrySize <= len(entries); {
		clear(entries[at+iptComeFrom : at+iptEntrySize])
		next := int(binary.NativeEndian.Uint16(entries[at+iptNextOffset:]))
		if next < iptEntrySize {
			break
		}
		at += next
	}
	return entries
}

func getsockopt(fd, option int, buf []byte) error {
	size := uint32(len(buf))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_IP, uintptr(option),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
