package images

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gotest.tools/v3/assert"
)

func TestTheCatalogHoldsEveryDebianSuite(t *testing.T) {
	t.Parallel()
	c, err := Load()
	assert.NilError(t, err)
	for _, id := range []string{"debian11", "debian12", "debian13", "debian14", "sid"} {
		i, err := c.Image(id)
		assert.NilError(t, err)
		for _, v := range []Variant{Plain, Waagent, CloudInit, CloudInitAgents} {
			packages, err := c.packages(i, v, nil)
			assert.NilError(t, err)
			assert.Assert(t, slices.IsSorted(packages) && slices.Contains(packages, "systemd-sysv"))
			assert.Equal(t, slices.Contains(packages, "waagent"), strings.Contains(string(v), "waagent"))
			assert.Equal(t, slices.Contains(packages, "cloud-init"), strings.Contains(string(v), "cloud-init"))
		}
		_, err = c.packages(i, "none", nil)
		assert.ErrorContains(t, err, "no variant")
	}
	_, err = c.Image("debian1")
	assert.ErrorContains(t, err, "debian1")
}

func TestACatalogIsReadStrictly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, problem string }{
		{"images: [{id: a, colour: red}]", "colour"},
		{"images: [{id: a, family: f, network: n}]", "lacks a field"},
		{"images: [{id: a, family: f, network: n, services: s}, {id: a, family: f, network: n, services: s}]", "twice"},
	} {
		_, err := parse([]byte(c.text))
		assert.ErrorContains(t, err, c.problem)
	}
}

func TestAnOfficialImageIsUnavailableWithAReason(t *testing.T) {
	t.Parallel()
	_, err := Rootfs(t.Context(), "ubuntu2204", Plain, nil)
	var unavailable *Unavailable
	assert.Assert(t, errors.As(err, &unavailable))
	assert.Equal(t, unavailable.ID, "ubuntu2204")
}

// What goes into an image decides its name in the cache.
func TestADifferentPackageListHasADifferentName(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, w := range []struct {
		id    string
		v     Variant
		extra []string
	}{{"debian12", Plain, nil}, {"debian13", Plain, nil}, {"debian12", Waagent, nil}, {"debian12", Plain, []string{"xfsprogs"}}} {
		b, err := plan(w.id, w.v, w.extra)
		assert.NilError(t, err)
		assert.Assert(t, !names[b.name], b.name)
		names[b.name] = true
	}
	one, err := plan("debian12", Plain, []string{"b", "a"})
	assert.NilError(t, err)
	other, err := plan("debian12", Plain, []string{"a", "b", "b"})
	assert.NilError(t, err)
	assert.Equal(t, one.name, other.name)
}

func TestTheMirrorIsTheOneOfTheHostsApt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, text, want string }{
		{"stanza", "etc/apt/sources.list.d/debian.sources", "Types: deb\n# a comment\nURIs: http://mirror.test/debian\nSuites: bookworm\n", "http://mirror.test/debian"},
		{"one line", "etc/apt/sources.list", "# deb http://no.test/debian x main\ndeb [arch=amd64 signed-by=/k] https://mirror.test/debian/ bookworm main\n", "https://mirror.test/debian/"},
		{"another distribution", "etc/apt/sources.list", "deb http://archive.test/ubuntu jammy main\n", ""},
		{"another kind", "etc/apt/sources.list", "deb cdrom:[Debian]/debian bookworm main\n", ""},
		{"nothing", "etc/apt/sources.list", "deb\ndeb [\ndeb [a\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, mirror(fstest.MapFS{c.file: {Data: []byte(c.text)}}), c.want)
		})
	}
}
