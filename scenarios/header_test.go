package scenarios

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

func TestHeaderIsReadUpToTheStory(t *testing.T) {
	t.Parallel()
	h, err := ReadHeader("scripts/boot/x.txtar", []byte("# It boots,\n# and says so.\nneeds systemd udf\nonly debian\nquick\n\n# The story.\nboot\nneeds reboot\n"))
	assert.NilError(t, err)
	assert.DeepEqual(t, h, Header{
		Name: "boot/x", Promise: "It boots, and says so.", Needs: []string{"systemd", "udf"}, Only: []string{"debian"}, Quick: true,
	})
}

func TestHeaderMistakesAreNamedWithTheirLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"boot\n":                                   "x.txtar:1: a script starts with a comment",
		"# It flies.\nneeds wings\n":               "x.txtar:2: needs wings: no driver offers that",
		"# It boots.\ndrivers xen\n":               "x.txtar:2: drivers xen",
		"# It boots.\n\nimage a b\n":               "x.txtar:3: image takes one id",
		"# It boots.\nonly debian beos\n":          "x.txtar:2: only beos: no such family in the catalog; known: debian rhel",
		"# It boots.\nonly suse\nimage debian12\n": "x.txtar:3: image debian12: it is of the family debian",
	} {
		_, err := ReadHeader("x.txtar", []byte(text))
		assert.Check(t, cmp.ErrorContains(err, want))
	}
}

func TestAScriptRunsOnTheCheapestDriverThatWillDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header Header
		choice Choice
		want   []Pair
	}{
		{Header{}, Choice{}, []Pair{{Driver: "loopback"}}},
		{Header{Needs: []string{"systemd"}}, Choice{}, []Pair{{"container", "debian12"}}},
		{Header{Needs: []string{"udf"}}, Choice{}, []Pair{{"qemu", "debian12"}}},
		{Header{Needs: []string{"systemd"}}, Choice{Driver: "qemu", Image: "debian13"}, []Pair{{"qemu", "debian13"}}},
		{Header{Needs: []string{"udf"}}, Choice{Driver: "container"}, nil},
		{Header{Drivers: []string{"container", "qemu"}}, Choice{}, []Pair{{"container", "debian12"}, {"qemu", "debian12"}}},
		{Header{Needs: []string{"systemd"}}, Choice{All: true}, []Pair{{"container", "debian12"}, {"qemu", "debian12"}}},
		{Header{}, Choice{Quick: true}, nil},
		{Header{Only: []string{"debian"}}, Choice{}, []Pair{{"container", "debian12"}}},
		{Header{Only: []string{"suse"}, Needs: []string{"systemd"}}, Choice{}, []Pair{{"container", "lookalike-suse"}}},
		{Header{Only: []string{"suse"}, Needs: []string{"systemd"}}, Choice{Image: "debian13"}, nil},
		{Header{Only: []string{"debian"}, Needs: []string{"systemd"}}, Choice{Image: "debian13"}, []Pair{{"container", "debian13"}}},
		{Header{Name: "a/b", Full: true}, Choice{}, nil},
		{Header{Name: "a/b", Full: true}, Choice{Named: "a/b"}, []Pair{{Driver: "loopback"}}},
		{Header{Name: "a/b", Full: true}, Choice{Named: "a"}, nil},
		{Header{Quick: true, Image: "debian11", Needs: []string{"systemd"}}, Choice{Quick: true}, []Pair{{"container", "debian11"}}},
	} {
		assert.Check(t, cmp.DeepEqual(c.header.Pairs(c.choice), c.want))
	}
}

func TestTheMatrixIsEveryOtherImage(t *testing.T) {
	t.Parallel()
	h := Header{Matrix: true, Needs: []string{"systemd"}}
	got := h.MatrixPairs(Choice{Images: []string{"debian13", "ubuntu2404"}})
	assert.DeepEqual(t, got, []Pair{{"container", "debian13"}, {"container", "ubuntu2404"}})
	got = h.MatrixPairs(Choice{All: true, Images: []string{"debian13", "ubuntu2404"}})
	assert.DeepEqual(t, got, []Pair{{"container", "debian13"}, {"qemu", "debian13"}, {"container", "ubuntu2404"}, {"qemu", "ubuntu2404"}})
	assert.Equal(t, len(h.MatrixPairs(Choice{Quick: true, Images: []string{"debian13"}})), 0)
	h.Only = []string{"ubuntu"}
	got = h.MatrixPairs(Choice{Images: []string{"debian13", "ubuntu2404"}})
	assert.DeepEqual(t, got, []Pair{{"container", "ubuntu2404"}})
}

func TestWhatIsMarkedLastComesAfterTheMatrix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	assert.NilError(t, os.Mkdir(filepath.Join(dir, "boot"), 0o755))
	for name, header := range map[string]string{"a": "needs systemd\nlast\n", "b": "needs systemd\nmatrix\n", "c": ""} {
		text := "# It boots.\n" + header + "\nboot\n"
		assert.NilError(t, os.WriteFile(filepath.Join(dir, "boot", name+".txtar"), []byte(text), 0o644))
	}
	all, err := Find(dir, Choice{Images: []string{"debian13"}})
	assert.NilError(t, err)
	var names []string
	for _, s := range all {
		names = append(names, s.Name())
	}
	assert.DeepEqual(t, names, []string{
		"boot/b/container-debian12", "boot/c/loopback", "boot/b/container-debian13", "boot/a/container-debian12",
	})
}

func TestShardsTogetherAreTheWhole(t *testing.T) {
	t.Parallel()
	all, seen := []int{1, 2, 3, 4, 5, 6, 7}, 0
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		mine, err := Shard(all, shard)
		assert.NilError(t, err)
		seen += len(mine)
	}
	assert.Equal(t, seen, len(all))
	for _, bad := range []string{"0/3", "4/3", "x", "1/0"} {
		_, err := Shard(all, bad)
		assert.Check(t, cmp.ErrorContains(err, "want I/N"))
	}
}
