package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

// yumNames are the full names of distributions whose driver comes from Microsoft's yum repository. RHEL 8 and newer
// call themselves otherwise, and have the driver in their kernel.
var yumNames = []string{"CentOS", "CentOS Linux", "Red Hat Enterprise Linux Server", "AlmaLinux", "CloudLinux", "Rocky Linux"}

const driverModule = "hv_network_direct"

// installDriver gets the driver of the version that the host speaks, by the family's own package manager.
func (r *RDMA) installDriver(ctx context.Context, version string) error {
	switch {
	case slices.Contains(yumNames, r.FullName):
		return r.installYum(ctx, version)
	case strings.HasPrefix(r.ID, "sle"):
		return r.installZypper(ctx, version)
	case r.ID == "ubuntu":
		return r.installUbuntu(ctx, version)
	}
	return fmt.Errorf("%s has no known source for it; the driver of the kernel is used if there is one", r.FullName)
}

func (r *RDMA) installYum(ctx context.Context, version string) error {
	if !r.kvpDaemon() {
		r.Log.Info("Installing the key-value daemon, which the RDMA driver needs")
		if err := r.run(ctx, "yum", "--assumeyes", "install", "hypervkvpd"); err != nil {
			return err
		}
		return r.reboot(ctx)
	}
	if r.packageHas(ctx, "microsoft-hyper-v-rdma", version) {
		return r.load(ctx)
	}
	if err := r.run(ctx, "yum", "--assumeyes", "makecache"); err != nil {
		return err
	}
	if r.run(ctx, "yum", "--assumeyes", "reinstall", "msft-rdma-drivers") != nil {
		if err := r.run(ctx, "yum", "--assumeyes", "install", "msft-rdma-drivers"); err != nil {
			return err
		}
	}
	major, minor, _ := strings.Cut(r.Version, ".")
	minor, _, _ = strings.Cut(minor, ".")
	dir := "/opt/microsoft/rdma/rhel" + major + minor
	kmod, err := r.one(dir + "/kmod-microsoft-hyper-v-rdma-*" + version + "*.rpm")
	if err != nil {
		return err
	}
	user, err := r.one(dir + "/microsoft-hyper-v-rdma-*" + version + "*.rpm")
	if err != nil {
		return err
	}
	if err := r.run(ctx, "yum", "--assumeyes", "install", kmod, user); err != nil {
		return err
	}
	return r.load(ctx)
}

func (r *RDMA) one(pattern string) (string, error) {
	found := r.Files.Glob(pattern)
	if len(found) == 0 {
		return "", fmt.Errorf("there is no package %s", pattern)
	}
	return found[len(found)-1], nil
}

// installZypper: the package is locked afterwards, so that an update does not bring one that the host does not speak.
func (r *RDMA) installZypper(ctx context.Context, version string) error {
	var major int
	if _, err := fmt.Sscanf(r.Version, "%d", &major); err != nil || major < 12 {
		return fmt.Errorf("SUSE %q is too old", r.Version)
	}
	if major >= 15 {
		return nil // in the kernel
	}
	name := "msft-rdma-kmp-default"
	if strings.HasSuffix(r.Release, "azure") {
		name = "msft-rdma-kmp-azure"
	}
	if !r.packageHas(ctx, name, version) {
		_ = r.run(ctx, "zypper", "--non-interactive", "removelock", name) // mostly there is none
		if err := r.run(ctx, "zypper", "--non-interactive", "refresh"); err != nil {
			return err
		}
		if r.run(ctx, "zypper", "--non-interactive", "install", "--force", name+"="+version) != nil {
			local, err := r.one("/opt/microsoft/rdma/" + name + "-*" + version + "*.rpm")
			if err != nil {
				return err
			}
			if err := r.run(ctx, "zypper", "--non-interactive", "install", "--force", local); err != nil {
				return err
			}
		}
		if err := r.run(ctx, "zypper", "--non-interactive", "addlock", name); err != nil {
			return err
		}
	}
	return r.load(ctx)
}

// ubuntuAlias binds the host's device to the driver of one version; Ubuntu's kernel has several.
const ubuntuAlias = "/etc/modprobe.d/vmbus-rdma.conf"

func (r *RDMA) installUbuntu(ctx context.Context, version string) error {
	if r.Update {
		before := r.packageVersion(ctx, "linux-azure")
		if err := errors.Join(r.run(ctx, "apt-get", "update"), r.run(ctx, "apt-get", "--yes", "install", "linux-azure")); err != nil {
			return err
		}
		if r.packageVersion(ctx, "linux-azure") != before {
			return r.reboot(ctx)
		}
	}
	line := "alias vmbus:3daf2e8ca732094bab99bd1f1c86b501 " + driverModule + "_" + strings.ReplaceAll(version, ".", "_") + "\n"
	if old, err := r.Files.ReadFile(ubuntuAlias); err == nil && string(old) == line {
		return nil
	}
	if err := r.Files.MkdirAll("/etc/modprobe.d", 0o755); err != nil {
		return err
	}
	return r.Files.WriteAtomic(ubuntuAlias, []byte(line), 0o644)
}

func (r *RDMA) packageVersion(ctx context.Context, name string) string {
	res, err := r.Machine.Run(ctx, machine.Command{Argv: []string{"dpkg-query", "-W", "-f", "${Version}", name}})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(res.Stdout))
}

func (r *RDMA) packageHas(ctx context.Context, name, version string) bool {
	res, err := r.Machine.Run(ctx, machine.Command{Argv: []string{"rpm", "-q", name}})
	return err == nil && strings.Contains(string(res.Stdout), version)
}

// kvpDaemon reports whether one of the daemons runs, by whatever name.
func (r *RDMA) kvpDaemon() bool {
	for _, name := range r.Files.Glob("/proc/*") {
		comm, err := r.Files.ReadFile(name + "/comm")
		if c := strings.TrimSpace(string(comm)); err == nil && (c == "hypervkvpd" || c == "hv_kvp_daemon") {
			return true
		}
	}
	return false
}

// load loads the driver; one that cannot be loaded beside what runs needs a reboot.
func (r *RDMA) load(ctx context.Context) error {
	if r.Files.Exists("/sys/module/" + driverModule) {
		return nil
	}
	if r.run(ctx, "modprobe", "--first-time", driverModule) == nil {
		return nil
	}
	return r.reboot(ctx)
}

func (r *RDMA) reboot(ctx context.Context) error {
	r.Log.Warn("Rebooting for the RDMA driver")
	if err := r.run(ctx, "shutdown", "-r", "now"); err != nil {
		return err
	}
	return errReboot
}
