// Package images makes the guests that scenarios boot: root filesystems built from a distribution's packages, cached
// by what went into them, and containers made of those. No image holds a binary of ours: a driver brings the agent
// under test in. What cannot be had here is a *Unavailable, which a run reports as a skip with its reason.
package images

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

//go:embed catalog.yaml
var catalogYAML []byte

// Variant is what an image holds beside the bare distribution; the catalog says which packages each one adds.
type Variant string

// The variants that every recipe has.
const (
	Plain           Variant = "plain"   // no agent: ours is brought in
	Waagent         Variant = "waagent" // the distribution's own waagent package
	CloudInit       Variant = "cloud-init"
	CloudInitAgents Variant = "cloud-init+waagent"
)

// Source says where an image comes from.
type Source struct {
	Kind      string `yaml:"kind"`      // "debian": built from packages; "official": published by the distribution
	Suite     string `yaml:"suite"`     // debian
	Unstable  bool   `yaml:"unstable"`  // a suite whose archive index may be past its date
	Container string `yaml:"container"` // official: reference of the container image
	VM        string `yaml:"vm"`        // official: file name of the VM image
}

// Image is one row of the catalog.
type Image struct {
	ID       string   `yaml:"id"`
	Family   string   `yaml:"family"`
	Release  string   `yaml:"release"`
	Source   Source   `yaml:"source"`
	Network  string   `yaml:"network"`  // who is in charge of interfaces: ifupdown, netplan, networkd, networkmanager, wicked
	Services string   `yaml:"services"` // systemd, openrc
	Packages []string `yaml:"packages"` // beside the recipe's
	Arch     string   `yaml:"arch"`     // as Debian spells it; "": amd64
	// OSRelease makes the image a look-alike: what /etc/os-release says instead of the truth.
	OSRelease map[string]string `yaml:"os_release"`
}

type recipe struct {
	Packages []string             `yaml:"packages"`
	Variants map[Variant][]string `yaml:"variants"`
}

// Catalog is every image a run can name, in the order in which a script that does not care takes them.
type Catalog struct {
	Images  []Image           `yaml:"images"`
	Recipes map[string]recipe `yaml:"recipes"`
}

// Load returns the catalog this binary was built with.
func Load() (Catalog, error) { return parse(catalogYAML) }

func parse(data []byte) (Catalog, error) {
	var c Catalog
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		return Catalog{}, fmt.Errorf("read the image catalog: %w", err)
	}
	seen := map[string]bool{}
	for _, i := range c.Images {
		if seen[i.ID] || i.ID == "" || i.Family == "" || i.Network == "" || i.Services == "" {
			return Catalog{}, fmt.Errorf("image catalog: %q is named twice or lacks a field", i.ID)
		}
		seen[i.ID] = true
	}
	return c, nil
}

// Image finds a row by its id.
func (c Catalog) Image(id string) (Image, error) {
	i := slices.IndexFunc(c.Images, func(i Image) bool { return i.ID == id })
	if i < 0 {
		return Image{}, fmt.Errorf("no image %q in the catalog", id)
	}
	return c.Images[i], nil
}

// Families lists the families that have an image, in the catalog's order.
func (c Catalog) Families() []string {
	var all []string
	for _, i := range c.Images {
		if !slices.Contains(all, i.Family) {
			all = append(all, i.Family)
		}
	}
	return all
}

// Variants lists the variants of the images that are built here, in alphabetical order.
func (c Catalog) Variants() []Variant {
	var all []Variant
	for _, r := range c.Recipes {
		all = append(all, slices.Collect(maps.Keys(r.Variants))...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// packages lists what an image of the given variant is built from, sorted and without duplicates.
func (c Catalog) packages(i Image, v Variant, extra []string) ([]string, error) {
	r := c.Recipes[i.Source.Kind]
	added, ok := r.Variants[v]
	if !ok {
		return nil, fmt.Errorf("image %s has no variant %q", i.ID, v)
	}
	all := slices.Concat(r.Packages, i.Packages, added, extra)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Unavailable says why an image cannot be had on this machine.
type Unavailable struct{ ID, Why string }

func (u *Unavailable) Error() string { return fmt.Sprintf("image %s: %s", u.ID, u.Why) }

// Progress is told what a long step is doing, one line at a time. It is never nil inside the package.
type Progress func(line string)

func (p Progress) say(format string, args ...any) {
	if p != nil {
		p(fmt.Sprintf(format, args...))
	}
}
