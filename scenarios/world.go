package scenarios

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/images/packaging"
	"github.com/waagent-go/waagent/ovfgen"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/machine/qemu"
)

// world is what one script plays in: a fabric of its own and, once it boots, a guest.
type world struct {
	t        testscript.T
	pair     Pair
	s        Surroundings
	open     func(ctx context.Context, s Surroundings) (Site, error)
	dir      string // the script's files
	timeline *Timeline

	site    Site
	fabric  *control.Client
	id      string // of the VM, at the fabric
	uuid    string // as the firmware shows it
	known   bool   // the fabric knows the VM
	key     Key
	spec    ovfgen.Spec
	vm      VM
	guest   Guest
	machine machine.Machine

	identities map[string]*identity // by kind
	others     map[string]*world    // further guests of the same fabric, by name
	name       string               // of such a guest in the script, "" for the script's own

	announced      []announced // what the agent may log as warning or error
	clientErrorsOK bool
}

// newWorld prepares a script's world; nothing is started before it is needed.
func newWorld(t testscript.T, pair Pair, s Surroundings, open func(context.Context, Surroundings) (Site, error), dir string) (*world, error) {
	key, err := newKey(s.Dir)
	if err != nil {
		return nil, err
	}
	id := uuid.New()
	return &world{t: t, pair: pair, s: s, open: open, dir: dir, timeline: s.Timeline, id: "vm0", uuid: id.String(), key: key}, nil
}

// start brings the fabric up and makes the VM known to it.
func (w *world) start(ctx context.Context) error {
	if w.site != nil {
		return nil
	}
	site, err := w.open(ctx, w.s)
	if err != nil {
		return err
	}
	w.site = site
	client, base := site.Control()
	w.fabric = &control.Client{HTTP: client, Base: base}
	return nil
}

// vmID is the VM's id as the fabric and the agent know it. UEFI shows it as it is; on a BIOS guest the firmware shows its
// first three groups with their bytes swapped.
func (w *world) vmID() string {
	if w.byUEFI() {
		return w.uuid
	}
	id := uuid.MustParse(w.uuid)
	for _, group := range [][]byte{id[0:4], id[4:6], id[6:8]} {
		for i, j := 0, len(group)-1; i < j; i, j = i+1, j-1 {
			group[i], group[j] = group[j], group[i]
		}
	}
	return id.String()
}

// introduce makes the VM known to the fabric.
func (w *world) introduce(ctx context.Context) error {
	if err := w.start(ctx); err != nil || w.known {
		return err
	}
	w.guest.Address = w.site.Address()
	w.guest.UUID = w.uuid
	w.guest.MAC = goal.MAC(w.vmID())
	vm := goal.VM{ID: w.id, VMID: w.vmID(), Name: w.spec.Hostname}
	if w.guest.Address.IsValid() {
		vm.Addresses = []string{w.guest.Address.String()}
	}
	w.addNICs(&vm)
	if w.spec.User != "" {
		vm.AdminUser = w.spec.User
	}
	if w.spec.Preprovisioned {
		vm.PPS = cmp.Or(w.spec.PreprovisionedType, "Running")
	}
	vm.Certificates = w.certificates()
	if _, err := w.fabric.AddVM(ctx, vm); err != nil {
		return err
	}
	w.known = true
	return nil
}

// addNICs gives guest and fabric the VM's interfaces beyond the first.
func (w *world) addNICs(vm *goal.VM) {
	if w.vm.NICs < 2 {
		return
	}
	vm.NICs = []goal.NIC{{MAC: w.guest.MAC, Addresses: vm.Addresses}}
	for i := 1; i < w.vm.NICs; i++ {
		nic := NIC{Address: w.site.Address(), MAC: goal.MAC(fmt.Sprintf("%s/%d", w.vmID(), i))}
		w.guest.Further = append(w.guest.Further, nic)
		vm.NICs = append(vm.NICs, goal.NIC{MAC: nic.MAC, Addresses: []string{nic.Address.String()}})
		vm.Addresses = append(vm.Addresses, nic.Address.String())
	}
}

// byUEFI tells whether the guest starts by UEFI. An image that no catalog has is for booting to refuse.
func (w *world) byUEFI() bool {
	catalog, err := images.Load()
	if err != nil {
		return false
	}
	image, _ := catalog.Image(w.vm.image(w.pair.Image))
	return qemu.UEFI(image.Arch, w.vm.Generation)
}

// read reads one of the script's files; a missing one is nil.
func (w *world) read(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// describe reads provision.yaml and vm.yaml.
func (w *world) describe(vmFile string) error {
	if err := w.readSpec("provision.yaml"); err != nil {
		return err
	}
	data, err := w.read(vmFile)
	if err != nil {
		return err
	}
	if w.vm, err = ParseVM(data); err != nil {
		return err
	}
	return w.vm.onlyVirtual(w.pair.Driver)
}

// readSpec reads a provisioning spec and puts the runner's keys into it.
func (w *world) readSpec(file string) error {
	data, err := w.read(file)
	if err != nil {
		return err
	}
	if w.spec, err = ovfgen.Parse(data); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	w.spec = w.spec.WithGeneratedKey(w.key.Public)
	return w.identify()
}

// boot makes the DVD and the guest.
func (w *world) boot(ctx context.Context, vmFile string) error {
	if err := w.describe(vmFile); err != nil {
		return err
	}
	if err := w.introduce(ctx); err != nil {
		return err
	}
	return w.bootDescribed(ctx)
}

// bootDescribed boots what spec and vm say.
func (w *world) bootDescribed(ctx context.Context) error {
	info, err := w.fabric.Info(ctx)
	if err != nil {
		return err
	}
	g := &w.guest
	g.Name, g.Image, g.Variant = w.id, w.vm.image(w.pair.Image), images.Variant(w.vm.variant())
	g.Conf, g.KernelArgs, g.CA, g.Unreachable, g.Volumes = w.vm.Conf, w.vm.Kernel, []byte(info.CA), w.vm.Fabric == "down", w.vm.Volumes
	g.Generation, g.DHCP, g.Size, g.Pooled = w.vm.Generation, dhcpKinds[w.vm.DHCP], w.vm.Size, w.spec.Preprovisioned
	if w.vm.ours() {
		g.Agent = w.s.Programs.Agent
	}
	for path, content := range w.vm.Extra {
		g.Files = append(g.Files, packaging.File{Path: path, Mode: 0o644, Data: []byte(content)})
	}
	if w.vm.DVD != "none" {
		if g.DVD, err = w.disc("dvd"); err != nil {
			return err
		}
	}
	if g.Disk, err = w.disk(ctx); err != nil {
		return err
	}
	w.machine, err = w.site.Boot(ctx, *g)
	return err
}

// disc writes a provisioning DVD.
func (w *world) disc(name string) (string, error) {
	var image bytes.Buffer
	if err := ovfgen.Write(&image, w.spec); err != nil {
		return "", err
	}
	path := filepath.Join(w.s.Dir, name+".iso")
	return path, os.WriteFile(path, image.Bytes(), 0o600)
}

// close ends the world; the guest goes with its site.
func (w *world) close(ctx context.Context) error {
	if w.site == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return w.site.Close(ctx)
}
