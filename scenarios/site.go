package scenarios

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/images/packaging"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// Site is a running fabric and a place to boot guests into it. Each script has one of its own, so that no two scripts
// can meet.
type Site interface {
	// Control is how the fabric's control API is reached: a client and the URL for it.
	Control() (*http.Client, string)
	// Address reserves the address of the next guest.
	Address() netip.Addr
	Boot(ctx context.Context, g Guest) (machine.Machine, error)
	// Reach lets guests reach the fabric, or cuts them off.
	Reach(ctx context.Context, reachable bool) error
	Close(ctx context.Context) error
}

// Guest is what a site needs to know of a machine it boots.
type Guest struct {
	Name        string
	Image       string
	Variant     images.Variant
	Address     netip.Addr
	MAC         string // of its NIC, where the driver can choose: the instance metadata shows it
	UUID        string // as the firmware shows it
	DVD         string // image file; "": the drive is empty
	Disk        Disk
	Agent       string // path of the agent's binary; "" for an image that brings its own, or none
	Conf        map[string]string
	Files       []packaging.File
	KernelArgs  []string
	CA          []byte // certificate (PEM) of the fabric's storage
	Unreachable bool   // cut off from the fabric until Reach
}

// Disk is the resource disk; the zero value is none.
type Disk struct {
	SizeMB int
	From   string // image with its first content; "": blank
}

// Programs are the static binaries that go into guests and beside them.
type Programs struct {
	Agent     string // cmd/waagent
	Fabric    string // cmd/fabricsim
	Scenarios string // cmd/scenarios, the helper in QEMU guests
}

// Surroundings is what a site is made of.
type Surroundings struct {
	Programs Programs
	Dir      string // for files of this run; the caller's
	Progress images.Progress
	Timeline *Timeline
	Log      *slog.Logger
}
