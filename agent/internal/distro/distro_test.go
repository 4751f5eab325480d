package distro

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// TestEveryFixtureFindsItsRow: a folder of testdata/roots is a distribution as its files describe it.
func TestEveryFixtureFindsItsRow(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	roots, err := filepath.Glob("testdata/roots/*")
	assert.NilError(t, err)
	for _, root := range roots {
		name := filepath.Base(root)
		info := Detect(host.Files{Root: root})
		family := Lookup(info)
		found[family.Name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.Assert(t, asJSON(t, map[string]any{"info": info, "family": family}), "rows/"+name+".golden")
		})
	}
	for _, r := range rows() {
		assert.Assert(t, found[r.name], "no fixture finds the row %q", r.name)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	assert.NilError(t, err)
	return string(data) + "\n"
}

func TestSelection(t *testing.T) {
	t.Parallel()
	tests := []struct{ id, version, fullName, want string }{
		{"ubuntu", "12.04", "Ubuntu", "ubuntu12"}, {"ubuntu", "14.04", "Ubuntu", "ubuntu14"}, {"ubuntu", "15.04", "Ubuntu", "ubuntu"},
		{"ubuntu", "17.04", "Ubuntu", "ubuntu16"}, {"ubuntu", "17.10", "Ubuntu", "ubuntu"}, {"ubuntu", "24.04", "Ubuntu", "ubuntu18"},
		{"ubuntu", "24.10", "Ubuntu", "ubuntu"}, {"ubuntu", "16", "Snappy Ubuntu Core", "snappy"},
		{"debian", "7", "", "debian"}, {"debian", "8", "", "debian"}, {"debian", "", "", "debian"}, {"debian", "trixie/sid", "", "debian"},
		{"devuan", "3", "", ""}, {"devuan", "4", "", "devuan"}, {"kali", "2024.1", "", "debian"},
		{"rhel", "6.10", "", "rhel6"}, {"rhel", "7.9", "", "rhel7"}, {"rhel", "8", "", "rhel7"}, {"rhel", "8.5", "", "rhel7"},
		{"rhel", "8.10", "", "rhel"}, {"rhel", "9", "", "rhel"}, {"oracle", "8.6", "", "rhel"}, {"rocky", "10.0", "", "rhel"},
		{"sles", "11.4", "SUSE Linux Enterprise Server", "suse11"}, {"sles", "15.5", "SLES", "suse"}, {"opensuse", "13.1", "openSUSE", "suse11"},
		{"flatcar", "3815.2.0", "", "flatcar"}, {"amzn", "2023", "", "amazon"}, {"amzn", "2", "", "rhel7"}, {"amzn", "2018.03", "", "rhel6"},
		{"opensuse-tumbleweed", "20251101", "openSUSE Tumbleweed", "suse"}, {"netbsd", "10.1", "", "netbsd"}, {"plan9", "4", "", ""},
		{"mariner", "2.0", "", "azurelinux"}, {"uos", "20", "", "rhel7"},
	}
	for _, tc := range tests {
		assert.Equal(t, rowName(Info{ID: tc.id, Version: tc.version, FullName: tc.fullName}), tc.want, "%s %s", tc.id, tc.version)
	}
	assert.Assert(t, !Lookup(Info{ID: "plan9"}).Known)
}

func TestVersionsCompareByNumber(t *testing.T) {
	t.Parallel()
	ascending := []string{"", "6", "7", "7.0", "8", "8.6", "8.10", "9", "9.1", "24.04", "24.10", "sid"}
	for i := range ascending[1:] {
		assert.Assert(t, compareVersions(ascending[i], ascending[i+1]) < 0, "%s < %s", ascending[i], ascending[i+1])
	}
	assert.Equal(t, compareVersions("8.6", "8.6"), 0)
}

func FuzzParseOSRelease(f *testing.F) {
	paths, err := filepath.Glob("testdata/roots/*/etc/os-release")
	assert.NilError(f, err)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		assert.NilError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fields := ParseOSRelease(data)
		again := ""
		for key, value := range fields {
			again += key + "=" + quoted(value) + "\n"
		}
		assert.DeepEqual(t, ParseOSRelease([]byte(again)), fields)
		_ = Lookup(Info{ID: fields["ID"], Version: fields["VERSION_ID"]})
	})
}

func quoted(s string) string {
	out := `"`
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			out += `\`
		}
		out += s[i : i+1]
	}
	return out + `"`
}
