package host

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

// below keeps the mounts at or below the root and names them as the guest does.
func (f Files) below(all []machine.Mount) []machine.Mount {
	if f.Root == "/" {
		return all
	}
	var kept []machine.Mount
	for _, m := range all {
		rel, err := filepath.Rel(f.Root, m.Target)
		if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			continue
		}
		m.Target = filepath.Join("/", rel)
		kept = append(kept, m)
	}
	return kept
}

// parseMountinfo reads /proc/self/mountinfo. Options are the mount's own and the filesystem's, each once.
func parseMountinfo(text string) ([]machine.Mount, error) {
	var mounts []machine.Mount
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		dash := slices.Index(fields, "-") // any number of optional fields stands before it
		if dash < 6 || len(fields) < dash+3 {
			return nil, fmt.Errorf("mountinfo: cannot read %q", line)
		}
		m := machine.Mount{
			Source:  unescapeOctal(fields[dash+2]),
			Target:  unescapeOctal(fields[4]),
			Type:    unescapeOctal(fields[dash+1]),
			Options: fields[5],
		}
		if len(fields) > dash+3 {
			m.Options = mergeOptions(fields[5], fields[dash+3])
		}
		mounts = append(mounts, m)
	}
	return mounts, nil
}

func mergeOptions(mount, super string) string {
	all := strings.Split(mount, ",")
	for o := range strings.SplitSeq(super, ",") {
		if o != "rw" && o != "ro" && !slices.Contains(all, o) { // the mount's own rw or ro is what counts
			all = append(all, o)
		}
	}
	return strings.Join(all, ",")
}

// unescapeOctal undoes the kernel's \040 for blanks, tabs, newlines and backslashes.
func unescapeOctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1:i+4]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '7' {
			return false
		}
	}
	return s[0] <= '3'
}
