// Package instanceid tells which VM this is: the id that the fabric gave the virtual machine, by which a cloned disk is
// known from the one it was cloned from.
package instanceid

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// Path is where the kernel shows the SMBIOS system id, to root.
const Path = "/sys/class/dmi/id/product_uuid"

type runner interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
}

// efi is there on machines that were started by UEFI (Gen2): their firmware shows the id in the fabric's byte order.
const efi = "/sys/firmware/efi"

// Read returns the VM's id in the fabric's byte order, which is not that of a BIOS machine's SMBIOS. Where there is
// neither the kernel's file nor dmidecode the id is "", as it is for the original: a container has none.
func Read(ctx context.Context, files host.Files, m runner) (string, error) {
	data, err := files.ReadFile(Path)
	if err == nil {
		return ordered(files, strings.TrimSpace(string(data))), nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return "", fmt.Errorf("read the VM's id: %w", err)
	}
	res, err := m.Run(ctx, machine.Command{Argv: []string{"dmidecode", "--string", "system-uuid"}})
	id := strings.TrimSpace(string(res.Stdout))
	if err != nil || !isUUID(id) {
		return "", ctx.Err()
	}
	return ordered(files, id), nil
}

func ordered(files host.Files, id string) string {
	if files.Exists(efi) {
		return id
	}
	return Swap(id)
}

// Same reports whether two ids are one VM's: equal in either byte order and any case.
func Same(a, b string) bool {
	return strings.EqualFold(a, b) || strings.EqualFold(a, Swap(b))
}

// Swap turns the bytes of the first three groups around, which is how SMBIOS and the fabric differ; the case of the
// digits is kept. What is no id is returned as it is.
func Swap(id string) string {
	if !isUUID(id) {
		return id
	}
	groups := strings.Split(id, "-")
	for i := range 3 {
		g, turned := groups[i], ""
		for n := len(g); n > 0; n -= 2 {
			turned += g[n-2 : n]
		}
		groups[i] = turned
	}
	return strings.Join(groups, "-")
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.Contains("0123456789abcdefABCDEF", s[i:i+1]) {
			return false
		}
	}
	return true
}
