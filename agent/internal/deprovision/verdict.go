package deprovision

import (
	"context"
	"fmt"
	"strings"
)

// verdict looks whether what had to go is gone, and names what is not. Nothing else changes the exit code: image builders
// depend on 0.
func (d *Deprovisioner) verdict(ctx context.Context, v victim) int {
	var left []string
	if d.Config.Provisioning.RegenerateSSHHostKeyPair {
		left = append(left, d.Files.Glob(d.Config.OS.SSHDir+"/ssh_host_*key*")...)
	}
	if v.name != "" {
		left = append(left, d.leftOf(ctx, v)...)
	}
	for _, name := range left {
		fmt.Fprintf(d.Out, "ERROR! %s is still there\n", name)
	}
	if len(left) > 0 {
		return 1
	}
	return 0
}

func (d *Deprovisioner) leftOf(ctx context.Context, v victim) []string {
	var left []string
	if _, err := d.accounts().Lookup(ctx, v.name); err == nil {
		left = append(left, "the account "+v.name)
	}
	if v.exists && v.entry.Home != "" && v.entry.Home != "/" && d.Files.Exists(v.entry.Home) {
		left = append(left, v.entry.Home)
	}
	for _, k := range v.keys {
		data, err := d.Files.ReadFile(k.path)
		if err == nil && (k.line == "" || strings.Contains(string(data), k.line)) {
			left = append(left, k.path)
		}
	}
	return left
}
