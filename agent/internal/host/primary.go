package host

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// rtfGateway is the flag of a route that goes by way of a router.
const rtfGateway = 0x2

// PrimaryInterface is the interface of the default route with the least metric, the first of equals; without a
// default route the first one that is up.
func (f Files) PrimaryInterface() (string, error) {
	text, err := f.ReadFile("/proc/net/route")
	if err == nil {
		if name := defaultRoute(string(text)); name != "" {
			return name, nil
		}
	}
	return f.firstInterface()
}

// firstInterface is the first in the kernel's order that is up, or the first where none says so. What containers have
// is left out.
func (f Files) firstInterface() (string, error) {
	const dir = "/sys/class/net/"
	entries, err := f.ReadDir(dir)
	if err != nil {
		return "", err
	}
	best, bestIndex, bestUp := "", 0, false
	for _, e := range entries {
		name := e.Name()
		if name == "lo" || strings.HasPrefix(name, "docker") || strings.HasPrefix(name, "veth") {
			continue
		}
		if info, err := f.Stat(dir + name); err != nil || !info.IsDir() { // bonding_masters is a file
			continue
		}
		index, err := strconv.Atoi(f.line(dir + name + "/ifindex"))
		if err != nil {
			index = math.MaxInt
		}
		up := f.line(dir+name+"/operstate") == "up"
		if best == "" || up && !bestUp || up == bestUp && index < bestIndex {
			best, bestIndex, bestUp = name, index, up
		}
	}
	if best == "" {
		return "", errors.New("no network interface")
	}
	return best, nil
}

// line is the content of a file of the kernel's, "" for one that cannot be read.
func (f Files) line(name string) string {
	text, err := f.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func defaultRoute(table string) string {
	best, name := int64(math.MaxInt64), ""
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[1] != "00000000" || fields[7] != "00000000" {
			continue
		}
		flags, err := strconv.ParseUint(fields[3], 16, 32)
		metric, err2 := strconv.ParseInt(fields[6], 10, 64)
		if err == nil && err2 == nil && flags&rtfGateway != 0 && metric < best {
			best, name = metric, fields[0]
		}
	}
	return name
}
