package scenarios

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/waagent-go/waagent/fabricsim/vnet"
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
	Volumes     bool   // the agent's folder and its logs are on a disk, where the driver has nothing as fast otherwise

	// What only a virtual machine has.
	Generation int // 1: BIOS; 2: UEFI
	DHCP       vnet.DHCP
	Size       Size
	Pooled     bool  // its boot waits for an owner
	Further    []NIC // beside the first one, which is Address and MAC
}

// NIC is a network interface as both the guest and the fabric know it.
type NIC struct {
	Address netip.Addr
	MAC     string
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

// ProgramsIn finds them in a folder, "" for the one of the program that runs.
func ProgramsIn(dir string) (Programs, error) {
	if dir == "" {
		self, err := os.Executable()
		if err != nil {
			return Programs{}, err
		}
		dir = filepath.Dir(self)
	}
	p := Programs{
		Agent: filepath.Join(dir, "waagent"), Fabric: filepath.Join(dir, "fabricsim"), Scenarios: filepath.Join(dir, "scenarios"),
	}
	for _, file := range []string{p.Agent, p.Fabric, p.Scenarios} {
		if _, err := os.Stat(file); err != nil {
			return p, fmt.Errorf("%w: build the programs first (make build), or name their folder with -bin", err)
		}
	}
	return p, nil
}

// For are the programs that go into an image: those for its processor, which lie in a folder of that name beside the
// others.
func (p Programs) For(i images.Image) (Programs, error) {
	if i.Arch == "" {
		return p, nil
	}
	foreign := Programs{Agent: below(p.Agent, i.Arch), Fabric: p.Fabric, Scenarios: below(p.Scenarios, i.Arch)}
	for _, path := range []string{foreign.Agent, foreign.Scenarios} {
		if _, err := os.Stat(path); err != nil {
			return Programs{}, &images.Unavailable{ID: i.ID, Why: fmt.Sprintf("no programs for it are built (make %s): %v", i.Arch, err)}
		}
	}
	return foreign, nil
}

func below(path, folder string) string {
	return filepath.Join(filepath.Dir(path), folder, filepath.Base(path))
}

// Surroundings is what a site is made of.
type Surroundings struct {
	Programs Programs
	Dir      string // for files of this run; the caller's
	Progress images.Progress
	Timeline *Timeline
	Log      *slog.Logger
}
