package qemu

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/scenarios/internal/guesthelper"
)

// Serial numbers by which a guest can tell its disks apart.
const (
	SerialOS       = "os"
	SerialResource = "resource"
	SerialRun      = "waagent-run"
)

// firmware is what Azure's hosts say of themselves. Together with tcg-cpuid=off it makes systemd see "microsoft".
var firmware = []string{
	`type=0,vendor=American Megatrends International,, LLC.,version=4.1`,
	`type=2,manufacturer=Microsoft Corporation,product=Virtual Machine,version=Hyper-V UEFI Release v4.1`,
	`type=3,manufacturer=Microsoft Corporation,asset=7783-7084-3265-9085-8269-3286-77`,
}

// arguments are QEMU's, for a guest whose files are in dir.
func arguments(s Spec, dir string, a accel, ports []string) []string {
	file := func(name string) string { return filepath.Join(dir, name) }
	args := []string{
		"-name", s.Name, "-nodefaults", "-display", "none", "-no-user-config", "-no-reboot",
		"-accel", a.accel, "-cpu", a.cpu, "-machine", architectureOf(s.Image.Arch).machine,
		"-smp", number(s.CPUs, 2), "-m", number(s.MemoryMB, 1024),
		"-kernel", s.Image.Kernel, "-initrd", s.Image.Initrd, "-append", kernelLine(s),
		"-chardev", "file,id=console,append=on,path=" + file("console.log"), "-serial", "chardev:console",
		"-chardev", "socket,id=qmp,path=" + file("qmp.sock"), "-mon", "chardev=qmp,mode=control",
		"-device", "virtio-serial-pci", "-chardev", "socket,id=helper,path=" + file("helper.sock"),
		"-device", "virtserialport,chardev=helper,name=" + guesthelper.PortName,
		"-device", "virtio-rng-pci",
		"-smbios", "type=1,manufacturer=Microsoft Corporation,product=Virtual Machine,version=Hyper-V UEFI Release v4.1,serial=0000-0000-0000-0000-0000-0000-00,uuid=" + s.UUID,
	}
	for _, f := range firmware {
		args = append(args, "-smbios", f)
	}
	if UEFI(s.Image.Arch, s.Gen) {
		args = append(args, "-drive", "if=pflash,format=raw,readonly=on,file="+file("firmware.fd"),
			"-drive", "if=pflash,format=raw,file="+file("nvram.fd"))
	}
	return append(append(args, diskArguments(s, file)...), nicArguments(s, ports)...)
}

func number(n, otherwise int) string {
	if n == 0 {
		n = otherwise
	}
	return strconv.Itoa(n)
}

// kernelLine keeps the console to what a person looks for there: trouble, and the login prompt.
func kernelLine(s Spec) string {
	a := architectureOf(s.Image.Arch)
	line := []string{"root=" + s.Image.Root, "rw", "console=" + a.console, "net.ifnames=0", "quiet", "systemd.show_status=auto"}
	return strings.Join(slices.Concat(line, patience, a.kernel, s.KernelArgs), " ")
}

// diskArguments lay the disks out as on Azure: sda is the OS disk, sdb the resource disk, data disks follow. The run
// disk, which Azure has not, is vda.
func diskArguments(s Spec, file func(string) string) []string {
	args := []string{"-device", "virtio-scsi-pci,id=scsi"}
	scsi := func(id, name, serial string, lun int) {
		args = append(args, "-drive", fmt.Sprintf("if=none,id=%s,node-name=%s,file=%s,format=qcow2,cache=unsafe,discard=unmap", id, node(id), file(name)),
			"-device", fmt.Sprintf("scsi-hd,drive=%s,bus=scsi.0,channel=0,scsi-id=0,lun=%d,serial=%s", id, lun, serial))
	}
	scsi("os", "os.qcow2", SerialOS, 0)
	if s.ResourceDisk != nil {
		scsi("resource", "resource.qcow2", SerialResource, 1)
	}
	for i := range s.DataDisks {
		id := "data" + strconv.Itoa(i)
		scsi(id, id+".qcow2", id, 10+i)
	}
	args = append(args, "-drive", "if=none,id=run,file="+file("run.img")+",format=raw,readonly=on",
		"-device", "virtio-blk-pci,drive=run,serial="+SerialRun)
	drive := "if=none,id=dvd,media=cdrom,readonly=on"
	if s.DVD != "" {
		drive += ",format=raw,file=" + s.DVD
	}
	device := "scsi-cd,drive=dvd,id=cd,bus=scsi.0,channel=0,scsi-id=0,lun=2"
	return append(args, "-drive", drive, "-device", device)
}

// node is the name by which QEMU's machine protocol knows a disk.
func node(id string) string { return "disk-" + id }

// writableDisks are the disks that a snapshot is made of.
func writableDisks(s Spec) []string {
	disks := []string{node("os")}
	if s.ResourceDisk != nil {
		disks = append(disks, node("resource"))
	}
	for i := range s.DataDisks {
		disks = append(disks, node("data"+strconv.Itoa(i)))
	}
	return disks
}

func nicArguments(s Spec, sockets []string) []string {
	var args []string
	if s.HotNICs > 0 { // only what has a port of its own can come and go
		for i := range len(s.NICs) + s.HotNICs {
			args = append(args, "-device", fmt.Sprintf("pcie-root-port,id=%s,chassis=%d", hotPort(i), i+1))
		}
	}
	for i, nic := range s.NICs {
		if nic.gone {
			continue
		}
		id := "net" + strconv.Itoa(i)
		device := fmt.Sprintf("virtio-net-pci,romfile=,netdev=%s,mac=%s,id=nic%d", id, nic.MAC, i)
		if s.HotNICs > 0 {
			device += ",bus=" + hotPort(i)
		}
		args = append(args, "-netdev", "stream,id="+id+",server=off,addr.type=unix,addr.path="+sockets[i], "-device", device)
	}
	return args
}

func hotPort(i int) string { return "port" + strconv.Itoa(i) }
