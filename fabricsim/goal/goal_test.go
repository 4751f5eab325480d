package goal

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"testing/fstest"

	"gotest.tools/v3/assert"
)

func TestAGoalStateIsLoadedWithItsPackages(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"s/hello.yaml": {Data: []byte(`
extensions:
  - name: Contoso.Hello
    package: hello/
    settings: {seq: 1, public: {z: 1, a: [true, null, 12345678901234567890, 1.5]}, protected: {token: s3cret}}
  - {name: Contoso.Broken, version: 2.0.0, package: broken.zip}
on_hold: true
raw_files: {sharedConfig: shared.xml}
`)},
		"s/hello/HandlerManifest.json": {Data: []byte("[]")},
		"s/hello/bin/run.sh":           {Data: []byte("#!/bin/sh\n")},
		"s/broken.zip":                 {Data: []byte("no zip")},
		"s/shared.xml":                 {Data: []byte("<SharedConfig/>")},
	}
	s, err := Load(fsys, "s/hello.yaml")
	assert.NilError(t, err)
	e := s.Extensions[0]
	assert.Equal(t, e.Version, "1.0.0")
	assert.Equal(t, e.State, "enabled")
	assert.Equal(t, e.Settings.Public.Text(), `{"z":1,"a":[true,null,12345678901234567890,1.5]}`)
	assert.Equal(t, len(e.Files), 2)
	assert.Equal(t, string(e.Files["bin/run.sh"]), "#!/bin/sh\n")
	assert.Equal(t, string(s.Extensions[1].Zip), "no zip")
	assert.Equal(t, s.Raw["sharedConfig"], "<SharedConfig/>")

	sent, err := json.Marshal(s)
	assert.NilError(t, err)
	var got State
	assert.NilError(t, json.Unmarshal(sent, &got))
	again, err := json.Marshal(got)
	assert.NilError(t, err)
	assert.Equal(t, string(again), string(sent))
}

func TestZipAlwaysMakesTheSameBytes(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"b": []byte("2"), "a/c": []byte("1")}
	first, err := Zip(files)
	assert.NilError(t, err)
	second, err := Zip(files)
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(first, second))
	r, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	assert.NilError(t, err)
	f, err := r.Open("a/c")
	assert.NilError(t, err)
	data, err := io.ReadAll(f)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "1")
}

func TestNonsenseIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"channel: smoke", "status_blob: Cloud", "extensions: [{version: 1.0}]", "omit: [Everything]",
		"raw: {shoppingList: x}", "extensions: [{name: A.B, package: missing}]", "no_such_key: 1",
		"extensions: [{name: A.B, settings: {seq: 1}, configs: [{name: c, seq: 1}]}]",
	} {
		_, err := Parse([]byte(text), fstest.MapFS{}, ".")
		assert.Assert(t, err != nil, text)
	}
}

func TestAVMNeedsOnlyAnID(t *testing.T) {
	t.Parallel()
	a, b := VM{ID: "web01"}, VM{ID: "web01"}
	assert.NilError(t, a.Check())
	assert.NilError(t, b.Check())
	assert.DeepEqual(t, a, b)
	assert.Equal(t, len(a.VMID), 36)
	assert.Assert(t, a.VMID != a.ContainerID)
	assert.Assert(t, (&VM{}).Check() != nil)
}
