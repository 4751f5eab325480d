package resourcedisk

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// ErrNoDisk means that this VM has no resource disk; most recent sizes have none.
var ErrNoDisk = errors.New("no resource disk found")

// What Hyper-V calls the disk: on generation 1 it is the second drive of the first IDE controller, on generation 2
// the second unit of the first SCSI controller.
const (
	gen1Prefix = "00000000-0001"
	gen2ID     = "f8b3781a-1e82-4818-a1c3-63d806ec15bb"
)

var gen2Unit = regexp.MustCompile(`^\d+:\d+:\d+:1$`)

// azureLink is made by the udev rules of this agent and of azure-vm-utils.
const azureLink = "/dev/disk/azure/resource"

type candidate struct {
	device string
	nvme   bool // used only when blank: nobody but the guest ever wrote to it
}

// find is the resource disk's device. VMBus knows best; the udev link serves where there is no VMBus.
func find(files host.Files, nvme bool) (candidate, error) {
	if name := onVMBus(files); name != "" && files.Exists("/dev/"+name) {
		return candidate{device: "/dev/" + name}, nil
	}
	if device := followDevice(files, azureLink); device != "" {
		return candidate{device: device}, nil
	}
	if nvme {
		if device := localNVMe(files); device != "" {
			return candidate{device: device, nvme: true}, nil
		}
	}
	return candidate{}, ErrNoDisk
}

func onVMBus(files host.Files) string {
	const bus = "/sys/bus/vmbus/devices"
	entries, err := files.ReadDir(bus)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		dir := path.Join(bus, e.Name())
		text, err := files.ReadFile(dir + "/device_id")
		if err != nil {
			continue
		}
		id := strings.ToLower(strings.Trim(strings.TrimSpace(string(text)), "{}"))
		switch {
		case strings.HasPrefix(id, gen1Prefix):
			if name := blockBelow(files, dir, 0, func(string) bool { return true }); name != "" {
				return name
			}
		case id == gen2ID:
			if name := blockBelow(files, dir, 0, gen2Unit.MatchString); name != "" {
				return name
			}
		}
	}
	return ""
}

// maxDepth bounds the walk: a real device is six levels below its bus entry.
const maxDepth = 12

// blockBelow is the first disk below dir whose parent folder is the right unit. Links inside are not followed: sysfs
// has them in circles.
func blockBelow(files host.Files, dir string, depth int, unit func(parent string) bool) string {
	entries, err := files.ReadDir(dir)
	if err != nil || depth > maxDepth {
		return ""
	}
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), "block:"); ok && unit(path.Base(dir)) {
			return name // kernels of the 2.6 kind
		}
		if !e.IsDir() {
			continue
		}
		below := path.Join(dir, e.Name())
		if e.Name() == "block" && unit(path.Base(dir)) {
			if disks, err := files.ReadDir(below); err == nil && len(disks) > 0 {
				return disks[0].Name()
			}
			continue
		}
		if name := blockBelow(files, below, depth+1, unit); name != "" {
			return name
		}
	}
	return ""
}

// followDevice is the device that a link of udev's points at, "" when there is none.
func followDevice(files host.Files, link string) string {
	real, err := files.Follow(link)
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(files.Root, real)
	if err != nil {
		return ""
	}
	device := path.Join("/", rel)
	if device == link || !files.Exists(device) {
		return ""
	}
	return device
}

// localNVMe is the first NVMe disk that belongs to the host the VM runs on; remote disks have another model.
func localNVMe(files host.Files) string {
	controllers, _ := files.ReadDir("/sys/class/nvme") // a machine without NVMe has none
	for _, e := range controllers {
		model, err := files.ReadFile("/sys/class/nvme/" + e.Name() + "/model")
		if err != nil || !strings.HasPrefix(strings.TrimSpace(string(model)), "Microsoft NVMe Direct Disk") {
			continue
		}
		if device := fmt.Sprintf("/dev/%sn1", e.Name()); files.Exists(device) {
			return device
		}
	}
	for _, link := range files.Glob("/dev/disk/azure/local/by-index/*") {
		if device := followDevice(files, link); device != "" {
			return device
		}
	}
	return ""
}

// partitionName is how Linux names the nth partition of a device.
func partitionName(device string, n int) string {
	if last := device[len(device)-1]; last >= '0' && last <= '9' {
		return fmt.Sprintf("%sp%d", device, n)
	}
	return fmt.Sprintf("%s%d", device, n)
}
