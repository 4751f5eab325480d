package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/images"
)

// Drivers are the ways to have a guest, cheapest first.
var Drivers = []string{"loopback", "container", "qemu"}

// Offers is what each driver has for a script that needs it. Nothing is what every driver has: an agent, a DVD and
// a fabric.
var Offers = map[string][]string{
	"loopback":  {},
	"container": {"systemd", "disk"},
	"qemu":      {"systemd", "disk", "kernel", "reboot", "cgroup2", "cgroup1", "udf", "dhcp", "arm64"},
}

// Pair is a driver and an image: where a script runs.
type Pair struct{ Driver, Image string }

func (p Pair) String() string {
	if p.Image == "" {
		return p.Driver
	}
	return p.Driver + "-" + p.Image
}

// DefaultImage is the image a script gets that names none.
const DefaultImage = "debian12"

// Choice narrows the pairs a run is asked for; the zero value asks for every script on its cheapest pair.
type Choice struct {
	Driver string // only this driver
	Image  string // this image instead of the script's first
	Quick  bool   // only scripts marked quick
	All    bool   // every driver that has what the script needs, not the cheapest alone
	// Images are the other images that scripts marked matrix are played on as well.
	Images []string
	// Named is the script asked for by name, marked full or not.
	Named string
}

// Pairs lists where the script is to run under c, cheapest driver first; none when the choice leaves nothing.
func (h Header) Pairs(c Choice) []Pair {
	if c.Quick && !h.Quick || h.Full && !c.All && c.Driver == "" && !strings.HasPrefix(c.Named, h.Name) {
		return nil
	}
	drivers := slices.Clone(h.Drivers)
	if len(drivers) == 0 {
		drivers = h.capable()
		if !c.All && c.Driver == "" && len(drivers) > 1 {
			drivers = drivers[:1]
		}
	}
	var pairs []Pair
	for _, d := range drivers {
		if c.Driver != "" && d != c.Driver {
			continue
		}
		if pair := (Pair{Driver: d, Image: h.image(d, c.Image)}); h.about(pair) {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// about tells whether a pair is of a family that the script is about. An image that no catalog has is for its user to be
// told of, later.
func (h Header) about(p Pair) bool {
	if len(h.Only) == 0 {
		return true
	}
	family, err := familyOf(p.Image)
	return p.Driver != "loopback" && (err != nil || slices.Contains(h.Only, family))
}

// MatrixPairs lists where a script marked matrix is to run besides: on each other image, on the cheapest driver that will
// do, and on each of them when everything is asked for.
func (h Header) MatrixPairs(c Choice) []Pair {
	if !h.Matrix || c.Quick || h.Image != "" {
		return nil
	}
	var pairs []Pair
	for _, image := range c.Images {
		for _, d := range h.capable() {
			pair := Pair{Driver: d, Image: image}
			if d == "loopback" || c.Driver != "" && c.Driver != d || !h.about(pair) {
				continue
			}
			pairs = append(pairs, pair)
			if !c.All {
				break
			}
		}
	}
	return pairs
}

func (h Header) image(driver, asked string) string {
	switch {
	case driver == "loopback":
		return ""
	case h.Image != "":
		return h.Image
	case asked != "":
		return asked
	case h.about(Pair{Image: DefaultImage}):
		return DefaultImage
	}
	return h.firstOfFamily()
}

// firstOfFamily is the first image of the catalog that the script is about.
func (h Header) firstOfFamily() string {
	catalog, err := images.Load()
	if err != nil {
		return DefaultImage
	}
	for _, i := range catalog.Images {
		if slices.Contains(h.Only, i.Family) {
			return i.ID
		}
	}
	return DefaultImage
}

// capable lists the drivers that have all the script needs.
func (h Header) capable() []string {
	var drivers []string
	for _, d := range Drivers {
		if d == "loopback" && len(h.Only) > 0 {
			continue // no distribution at all
		}
		if len(h.lacking(d)) == 0 {
			drivers = append(drivers, d)
		}
	}
	return drivers
}

func (h Header) lacking(driver string) []string {
	return slices.DeleteFunc(slices.Clone(h.Needs), func(need string) bool {
		return slices.Contains(Offers[driver], need)
	})
}

// Shard keeps the share of pairs that shard i of n runs ("2/5"), spread evenly in order.
func Shard[T any](items []T, shard string) ([]T, error) {
	if shard == "" {
		return items, nil
	}
	i, n, err := parseShard(shard)
	if err != nil {
		return nil, err
	}
	var mine []T
	for k, item := range items {
		if k%n == i-1 {
			mine = append(mine, item)
		}
	}
	return mine, nil
}

func parseShard(s string) (i, n int, err error) {
	left, right, _ := strings.Cut(s, "/")
	i, errI := strconv.Atoi(left)
	n, errN := strconv.Atoi(right)
	if errI != nil || errN != nil || n < 1 || i < 1 || i > n {
		return 0, 0, fmt.Errorf("shard %q: want I/N, as in 2/5", s)
	}
	return i, n, nil
}
