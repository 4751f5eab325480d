package qemu

import (
	"io/fs"
	"net"
	"net/netip"

	"github.com/waagent-go/waagent/images"
)

// Spec is one guest.
type Spec struct {
	Name         string // in logs and file names
	Image        images.VMImage
	UUID         string        // as firmware shows it in product_uuid
	NICs         []NIC         // the first is primary
	HotNICs      int           // how many more AddNIC may add; with any, every NIC can be removed
	DVD          string        // image in the optical drive; "": the drive is empty
	ResourceDisk *ResourceDisk // nil: there is none
	DataDisks    []int64       // sizes in bytes; each blank
	Files        []File        // put on the root filesystem before anything of it starts for the first time
	KernelArgs   []string
	MemoryMB     int         // 0: 1024
	CPUs         int         // 0: 2
	Gen          int         // 0, 1: BIOS; 2: UEFI; the disks and the drive are SCSI on both
	Waits        bool        // a VM of a pool, whose boot ends when it has an owner: the helper answers before that
	Started      func(Event) // told what happens, from any goroutine; may be nil
}

// NIC is one network interface.
type NIC struct {
	MAC net.HardwareAddr // nil: one of Azure's range, unlike any other of this run
	IP  netip.Addr       // zero: the next free one

	gone bool // was removed
}

// ResourceDisk is the temporary disk a host attaches.
type ResourceDisk struct {
	Size int64  // bytes
	From string // raw image with the initial content, at most Size long; "": blank
}

// File is something the guest finds on its root filesystem.
type File struct {
	Path   string // absolute
	Mode   fs.FileMode
	Data   []byte // or
	Source string // a file of the host, or
	Link   string // the target of a symbolic link
}

// Event is a step of a guest's life, for a timeline.
type Event struct {
	Guest string
	What  string // "started", "helper", "reboot", "shutdown"
}
