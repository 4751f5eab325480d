package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// RDMA makes the VM's RDMA device usable: the driver that the host asks for, and the address that the goal state's
// SharedConfig names. Whatever goes wrong is an error to log; the boot goes on.
type RDMA struct {
	Files   host.Files
	Machine Runner
	Log     *slog.Logger
	// Distribution's id, version and full name; Release of the kernel.
	ID, Version, FullName, Release string
	Check, Update                  bool       // OS.CheckRdmaDriver, OS.UpdateRdmaDriver
	Address                        netip.Addr // rdmaIPv4Address
	MAC                            string     // rdmaMacAddress, with or without colons
	Unknown                        error      // why there is no Address
}

// errReboot means that the driver works after a reboot only, which has been asked for.
var errReboot = errors.New("the RDMA driver needs a reboot, which has been asked for")

const (
	deviceLimit = 120 * time.Second
	linkLimit   = 60 * time.Second
	lookEvery   = time.Second
)

// Setup does it once.
func (r *RDMA) Setup(ctx context.Context) error {
	pairs, err := r.pairs()
	if err != nil {
		return err
	}
	version := pairs["NdDriverVersion"]
	if version != "" && r.Check {
		if err := r.installDriver(ctx, version); err != nil {
			return fmt.Errorf("RDMA driver %s: %w", version, err)
		}
	}
	if !r.Address.IsValid() {
		return fmt.Errorf("RDMA: no address for the device: %w", r.Unknown)
	}
	if version == "" {
		return r.singleRoot(ctx, pairs["IPoIB_Data"])
	}
	return r.networkDirect(ctx)
}

func (r *RDMA) pairs() (map[string]string, error) {
	data, err := r.Files.ReadFile(kvpPool)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseKVP(data)
}

// singleRoot is for devices that the guest sees itself (SR-IOV).
func (r *RDMA) singleRoot(ctx context.Context, list string) error {
	if list == "" {
		return r.firstInfiniBand(ctx)
	}
	addresses, err := parsePairs(list)
	if err != nil {
		return err
	}
	return r.until(ctx, linkLimit, "the RDMA interfaces", func() bool {
		for mac, address := range addresses {
			if link := r.linkOf(mac); link != "" && r.give(ctx, link, address) == nil {
				delete(addresses, mac)
			}
		}
		return len(addresses) == 0
	})
}

// parsePairs reads "NUMPAIRS:2|00:15:5D:01:02:03:172.16.1.2|…": a MAC and the address after its last colon.
func parsePairs(list string) (map[string]netip.Addr, error) {
	fields := strings.Split(strings.TrimSpace(list), "|")
	var count int
	if _, err := fmt.Sscanf(fields[0], "NUMPAIRS:%d", &count); err != nil {
		return nil, fmt.Errorf("IPoIB_Data %q: %w", list, err)
	}
	addresses := map[string]netip.Addr{}
	for _, f := range fields[1:] {
		if f = strings.TrimSpace(f); f == "" {
			continue
		}
		at := strings.LastIndex(f, ":")
		if at < 0 {
			return nil, fmt.Errorf("IPoIB_Data %q: %q has no address", list, f)
		}
		address, err := netip.ParseAddr(f[at+1:])
		if err != nil {
			return nil, fmt.Errorf("IPoIB_Data %q: %w", list, err)
		}
		addresses[plainMAC(f[:at])] = address
	}
	if len(addresses) != count {
		return nil, fmt.Errorf("IPoIB_Data %q: %d pairs announced, %d found", list, count, len(addresses))
	}
	return addresses, nil
}

func plainMAC(s string) string {
	return strings.ToLower(strings.NewReplacer(":", "", "-", "").Replace(strings.TrimSpace(s)))
}

// linkOf finds the interface with a MAC. InfiniBand's addresses are longer: three bytes at each end of the last eight
// are the Ethernet one's.
func (r *RDMA) linkOf(mac string) string {
	links, err := r.Files.ReadDir("/sys/class/net")
	if err != nil {
		return ""
	}
	for _, l := range links {
		data, err := r.Files.ReadFile("/sys/class/net/" + l.Name() + "/address")
		if err != nil {
			continue
		}
		have := plainMAC(string(data))
		if strings.HasPrefix(l.Name(), "ib") && len(have) >= 16 {
			last := have[len(have)-16:]
			have = last[:6] + last[10:]
		}
		if have == mac {
			return l.Name()
		}
	}
	return ""
}

func (r *RDMA) firstInfiniBand(ctx context.Context) error {
	device := func() bool { return len(r.Files.Glob("/sys/class/infiniband/*")) > 0 }
	if err := r.until(ctx, deviceLimit, "an InfiniBand device", device); err != nil {
		return err
	}
	link := ""
	err := r.until(ctx, linkLimit, "an InfiniBand interface", func() bool {
		for _, name := range r.Files.Glob("/sys/class/net/ib*") {
			link = path.Base(name)
			return true
		}
		return false
	})
	if err != nil {
		return err
	}
	return r.give(ctx, link, r.Address)
}

// networkDirect is for devices that the host's driver stands for.
func (r *RDMA) networkDirect(ctx context.Context) error {
	if err := r.editDAT(); err != nil {
		return err
	}
	if err := r.run(ctx, "modprobe", "hv_network_direct"); err != nil {
		return err
	}
	mac := plainMAC(r.MAC)
	if r.oldModule(ctx) {
		if err := r.until(ctx, deviceLimit, "/dev/hvnd_rdma", func() bool { return r.Files.Exists("/dev/hvnd_rdma") }); err != nil {
			return err
		}
		line := fmt.Sprintf(`rdmaMacAddress="%s" rdmaIPv4Address="%s"`, colons(mac), r.Address)
		if err := writeKernel(r.Files, "/dev/hvnd_rdma", []byte(line)); err != nil {
			return err
		}
	}
	link := ""
	err := r.until(ctx, linkLimit, "the RDMA interface", func() bool { link = r.linkOf(mac); return link != "" })
	if err != nil {
		return err
	}
	return r.give(ctx, link, r.Address)
}

// oldModule reports whether the driver, up to version 4.0, must be told its address.
func (r *RDMA) oldModule(ctx context.Context) bool {
	res, err := r.Machine.Run(ctx, machine.Command{Argv: []string{"modinfo", "-F", "version", "hv_network_direct"}})
	var major, minor int
	n, _ := fmt.Sscanf(strings.TrimSpace(string(res.Stdout)), "%d.%d", &major, &minor)
	return err == nil && n > 0 && (major < 4 || major == 4 && minor == 0)
}

func colons(mac string) string {
	var groups []string
	for i := 0; i+2 <= len(mac); i += 2 {
		groups = append(groups, mac[i:i+2])
	}
	return strings.Join(groups, ":")
}

// editDAT puts the address into the line of the direct access library's device.
func (r *RDMA) editDAT() error {
	for _, name := range []string{"/etc/dat.conf", "/etc/rdma/dat.conf", "/usr/local/etc/dat.conf"} {
		old, err := r.Files.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		return r.Files.Rewrite(name, []byte(datWith(string(old), r.Address.String())), 0o644)
	}
	return errors.New("RDMA: there is no dat.conf; is the RDMA library installed?")
}

func datWith(old, address string) string {
	lines := strings.Split(old, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "ofa-v2-ib0 ") {
			continue
		}
		if start, end := strings.Index(line, `"`), strings.LastIndex(line, `"`); start >= 0 && end > start {
			// The first quoted text holds the address; what follows it stays.
			rest := line[start+1:]
			lines[i] = line[:start] + `"` + address + ` 0` + rest[strings.Index(rest, `"`):]
		}
	}
	return strings.Join(lines, "\n")
}

// give brings an interface up with an address; one that it has already is fine.
func (r *RDMA) give(ctx context.Context, link string, address netip.Addr) error {
	if err := r.run(ctx, "ip", "link", "set", link, "up"); err != nil {
		return err
	}
	err := r.run(ctx, "ip", "addr", "add", address.String()+"/16", "dev", link)
	var exit *machine.ExitError
	if errors.As(err, &exit) && exit.Code == 2 {
		err = nil // there
	}
	if err == nil {
		r.Log.Info("The RDMA interface has its address", "interface", link, "address", address.String())
	}
	return err
}

// until looks each second; devices appear some time after their driver.
func (r *RDMA) until(ctx context.Context, limit time.Duration, what string, there func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for !there() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("RDMA: wait for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func (r *RDMA) run(ctx context.Context, argv ...string) error {
	_, err := r.Machine.Run(ctx, machine.Command{Argv: argv, Timeout: 10 * time.Minute})
	return err
}
