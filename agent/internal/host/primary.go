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
// default route the first one that is not the loopback.
func (f Files) PrimaryInterface() (string, error) {
	text, err := f.ReadFile("/proc/net/route")
	if err == nil {
		if name := defaultRoute(string(text)); name != "" {
			return name, nil
		}
	}
	links, err := f.ReadDir("/sys/class/net")
	if err != nil {
		return "", err
	}
	for _, l := range links {
		if name := l.Name(); name != "lo" && !strings.HasPrefix(name, "docker") && !strings.HasPrefix(name, "veth") {
			return name, nil
		}
	}
	return "", errors.New("no network interface")
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
