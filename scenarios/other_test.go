package scenarios

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// countedSite is a site that nothing is booted on.
type countedSite struct{ Site }

func (countedSite) Control() (*http.Client, string) { return http.DefaultClient, "" }

func TestAnotherGuestIsOnTheSameFabricWithItsOwnDisc(t *testing.T) {
	opened, work := 0, t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(work, "provision.yaml"), []byte("hostname: twin\nssh_key: generated-rsa\n"), 0o600))
	w, err := newWorld(nil, Pair{Driver: "qemu"}, Surroundings{Dir: t.TempDir(), Timeline: NewTimeline(io.Discard)},
		func(context.Context, Surroundings) (Site, error) { opened++; return countedSite{}, nil }, work)
	assert.NilError(t, err)

	o, err := w.other(t.Context(), "theirs") // before the script's own guest has anything
	assert.NilError(t, err)
	again, err := w.other(t.Context(), "theirs")
	assert.NilError(t, err)
	assert.Equal(t, o, again)
	assert.NilError(t, o.start(t.Context()))
	assert.NilError(t, w.start(t.Context()))
	assert.Equal(t, opened, 1)

	discs := map[string]bool{}
	for _, each := range []*world{o, w} {
		assert.NilError(t, each.describe("vm.yaml"))
		disc, err := each.disc("dvd")
		assert.NilError(t, err)
		discs[disc] = true
	}
	assert.Equal(t, len(discs), 2)
	assert.Equal(t, o.spec.SSHKey.Value, w.spec.SSHKey.Value)
	assert.Assert(t, o.vmID() != w.vmID())
	assert.Equal(t, o.variable("VM_ID"), "VM_ID_theirs")
	assert.Equal(t, w.variable("VM_ID"), "VM_ID")
}

func TestTheNameOfAnotherGuestIsPlain(t *testing.T) {
	w, err := newWorld(nil, Pair{}, Surroundings{Dir: t.TempDir()}, nil, t.TempDir())
	assert.NilError(t, err)
	for _, name := range []string{"", "../x", "vm0", "Their", "a b"} {
		_, err := w.other(t.Context(), name)
		assert.ErrorContains(t, err, "a guest's name")
	}
}
