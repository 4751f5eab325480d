package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/waagent-go/waagent/fabricsim"
	fabricdns "github.com/waagent-go/waagent/fabricsim/dns"
	"github.com/waagent-go/waagent/fabricsim/vnet"
	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/images/packaging"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/machine/qemu"
)

// bootTimeout is for machines without hardware virtualisation that do other things meanwhile.
const bootTimeout = 5 * time.Minute

// qemuSite boots virtual machines on a network in this process, where the fabric listens too.
type qemuSite struct {
	s      Surroundings
	fabric *fabricsim.Fabric
	net    *vnet.Network
	driver qemu.Driver
	http   *http.Client
	base   string
	stop   []func() error

	mu     sync.Mutex
	next   netip.Addr
	cut    bool
	guests []*qemu.Guest
}

func openQEMU(ctx context.Context, s Surroundings) (_ Site, err error) {
	if err := qemu.Available(); err != nil {
		return nil, err
	}
	q := &qemuSite{s: s, next: netip.MustParseAddr("10.0.0.4")}
	defer func() {
		if err != nil {
			err = errors.Join(err, q.Close(context.WithoutCancel(ctx)))
		}
	}()
	names := fabricdns.New()
	if q.net, err = vnet.New(vnet.Options{Log: s.Log, Leases: func(l vnet.Lease) {
		if l.Name != "" {
			names.Register(l.Name, l.IP)
		}
		s.Timeline.Once(fmt.Sprintf("DHCP: lease of %s", l.IP))
	}}); err != nil {
		return nil, err
	}
	q.stop = append(q.stop, q.net.Close)
	if q.fabric, err = fabricsim.New(fabricsim.Options{DNS: names, Dial: q.dial}); err != nil {
		return nil, err
	}
	q.stop = append(q.stop, q.fabric.Close)
	if err := q.serve(); err != nil {
		return nil, err
	}
	if err := q.serveDNS(names); err != nil {
		return nil, err
	}
	q.driver = qemu.Driver{Network: q.net, Helper: s.Programs.Scenarios, HelperArgs: []string{GuestHelperMode}, BootTimeout: bootTimeout, Log: s.Log}
	return q, nil
}

// serve puts the fabric's surfaces where guests look for them, and the control API on a loopback port of the host.
func (q *qemuSite) serve() error {
	surfaces := []struct {
		at      netip.AddrPort
		handler http.Handler
		tls     bool
	}{
		{netip.AddrPortFrom(vnet.WireServer, 80), q.fabric.WireServer(), false},
		{netip.AddrPortFrom(vnet.WireServer, fabricsim.HostGAPort), q.fabric.HostGA(), false},
		{netip.AddrPortFrom(vnet.IMDS, 80), q.fabric.IMDS(), false},
		{netip.AddrPortFrom(vnet.Blobs, 80), q.fabric.Blobs(), false},
		{netip.AddrPortFrom(vnet.Blobs, 443), q.fabric.Blobs(), true},
	}
	for _, s := range surfaces {
		l, err := q.net.Listen(s.at)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", s.at, err)
		}
		server := &http.Server{Handler: s.handler}
		q.stop = append(q.stop, server.Close)
		if s.tls {
			server.TLSConfig = q.fabric.TLSConfig()
			go server.ServeTLS(l, "", "")
			continue
		}
		go server.Serve(l)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: q.fabric.Control()}
	q.stop = append(q.stop, server.Close)
	go server.Serve(l)
	q.http, q.base = http.DefaultClient, "http://"+l.Addr().String()
	return nil
}

func (q *qemuSite) serveDNS(handler dns.Handler) error {
	conn, err := q.net.ListenPacket(netip.AddrPortFrom(vnet.WireServer, 53))
	if err != nil {
		return err
	}
	l, err := q.net.Listen(netip.AddrPortFrom(vnet.WireServer, 53))
	if err != nil {
		return err
	}
	for _, server := range []*dns.Server{{PacketConn: conn, Handler: handler}, {Listener: l, Handler: handler}} {
		q.stop = append(q.stop, server.Shutdown)
		go server.ActivateAndServe()
	}
	return nil
}

func (q *qemuSite) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	return q.net.DialGuest(ctx, to)
}

func (q *qemuSite) Control() (*http.Client, string) { return q.http, q.base }

func (q *qemuSite) Address() netip.Addr {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.next
	q.next = a.Next()
	return a
}

func (q *qemuSite) Boot(ctx context.Context, g Guest) (machine.Machine, error) {
	driver, image, err := q.machinery(ctx, &g)
	if err != nil {
		return nil, err
	}
	files, err := guestFiles(g)
	if err != nil {
		return nil, err
	}
	if g.Unreachable {
		if err := q.Reach(ctx, false); err != nil {
			return nil, err
		}
	}
	q.net.SetDHCP(g.DHCP)
	nics, err := cards(g)
	if err != nil {
		return nil, err
	}
	spec := qemu.Spec{
		Name: g.Name, Image: image, UUID: g.UUID, NICs: nics, DVD: g.DVD, Files: files,
		KernelArgs: g.KernelArgs, Gen: g.Generation, CPUs: g.Size.CPUs, MemoryMB: g.Size.MemoryMB,
		Waits:   g.Pooled,
		Started: func(e qemu.Event) { q.s.Timeline.Say("guest %s", e.What) },
	}
	if g.Pooled {
		spec.HotNICs = 1 // its owner's
	}
	if g.Disk.SizeMB > 0 {
		spec.ResourceDisk = &qemu.ResourceDisk{Size: int64(g.Disk.SizeMB) << 20, From: g.Disk.From}
	}
	q.s.Timeline.Say("boot: virtual machine from image %s", g.Image)
	guest, err := driver.Boot(ctx, spec)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.guests = append(q.guests, guest)
	return guest, nil
}

// cards are the guest's interfaces, in the order in which its kernel finds them.
func cards(g Guest) ([]qemu.NIC, error) {
	var all []qemu.NIC
	for _, nic := range append([]NIC{{g.Address, g.MAC}}, g.Further...) {
		mac, err := net.ParseMAC(nic.MAC)
		if err != nil {
			return nil, err
		}
		all = append(all, qemu.NIC{IP: nic.Address, MAC: mac})
	}
	return all, nil
}

// machinery is the image, and what of this machine it takes to boot it: an emulator, firmware, programs for its
// processor.
func (q *qemuSite) machinery(ctx context.Context, g *Guest) (driver qemu.Driver, image images.VMImage, err error) {
	catalog, err := images.Load()
	if err != nil {
		return driver, image, err
	}
	row, err := catalog.Image(g.Image)
	if err != nil {
		return driver, image, err
	}
	programs, err := q.s.Programs.For(row)
	if err != nil {
		return driver, image, err
	}
	if why := qemu.Lacking(row.Arch, g.Generation); why != nil {
		return driver, image, &images.Unavailable{ID: g.Image, Why: why.Error()}
	}
	driver = q.driver
	driver.Helper = programs.Scenarios
	if g.Agent != "" {
		g.Agent = programs.Agent
	}
	image, err = images.VM(ctx, g.Image, g.Variant, q.s.Progress)
	return driver, image, err
}

// resourceRules make the links by which azure-vm-utils names the resource disk: a guest without VMBus has no other way
// to know it.
const resourceRules = `SUBSYSTEM=="block", ENV{DEVTYPE}=="disk", ENV{ID_SCSI_SERIAL}=="` + qemu.SerialResource + `", SYMLINK+="disk/azure/resource"
SUBSYSTEM=="block", ENV{DEVTYPE}=="partition", ENV{ID_SCSI_SERIAL}=="` + qemu.SerialResource + `", SYMLINK+="disk/azure/resource-part%n"
`

// guestFiles are the agent, its packaging and whatever else the guest is to find on its disk.
func guestFiles(g Guest) ([]qemu.File, error) {
	var files []qemu.File
	if g.Agent != "" {
		id, err := familyOf(g.Image)
		if err != nil {
			return nil, err
		}
		family, err := packaging.For(id)
		if err != nil {
			return nil, err
		}
		shipped, err := family.Files()
		if err != nil {
			return nil, err
		}
		for i := range shipped {
			if shipped[i].Path == family.ConfPath {
				shipped[i].Data = packaging.Configure(shipped[i].Data, g.Conf)
			}
		}
		files = append(files, qemu.File{Path: family.Binary(), Mode: 0o755, Source: g.Agent})
		g.Files = append(shipped, g.Files...)
	}
	if g.Agent == "" && len(g.Conf) > 0 {
		files = append(files, qemu.File{Path: "/etc/waagent.conf.changes", Mode: 0o644, Data: packaging.Configure(nil, g.Conf)})
	}
	files = append(files, qemu.File{Path: "/etc/udev/rules.d/67-resource-disk.rules", Mode: 0o644, Data: []byte(resourceRules)})
	if g.CA != nil {
		files = append(files, qemu.File{Path: "/usr/local/share/ca-certificates/fabric.crt", Mode: 0o644, Data: g.CA})
	}
	for _, f := range g.Files {
		files = append(files, qemu.File{Path: f.Path, Mode: f.Mode, Data: f.Data, Link: f.Link})
	}
	return files, nil
}

// Reach cuts all of the fabric's addresses off, or gives them back. What it is asked to be already, it stays.
func (q *qemuSite) Reach(_ context.Context, reachable bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cut != reachable {
		return nil
	}
	q.cut = !reachable
	for _, a := range []netip.Addr{vnet.WireServer, vnet.IMDS, vnet.Blobs} {
		act := q.net.CutOff
		if reachable {
			act = q.net.Restore
		}
		if err := act(a); err != nil {
			return err
		}
	}
	return nil
}

func (q *qemuSite) Close(ctx context.Context) error {
	q.mu.Lock()
	guests := slices.Clone(q.guests)
	q.mu.Unlock()
	var errs []error
	for _, g := range guests {
		errs = append(errs, g.Close(ctx))
	}
	for _, stop := range slices.Backward(q.stop) {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}
