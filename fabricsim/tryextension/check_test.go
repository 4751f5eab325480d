package tryextension_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/fabricsim/testdata"
	"github.com/waagent-go/waagent/fabricsim/tryextension"
)

const goodManifest = `[{"handlerManifest": {
  "installCommand": "bin/x install",
  "enableCommand": "bin/x enable",
  "updateCommand": "bin/x update",
  "disableCommand": "bin/x disable",
  "uninstallCommand": "bin/x uninstall"
}}]`

const goodImage = `<ExtensionImage><ProviderNameSpace>C</ProviderNameSpace><Type>T</Type><Version>1.0</Version></ExtensionImage>`

func pack(t testing.TB, over map[string]string) []byte {
	t.Helper()
	files := map[string]string{"HandlerManifest.json": goodManifest, "bin/x": "#!/bin/sh\n", "manifest.xml": goodImage}
	maps.Copy(files, over)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if files[name] == "-" {
			continue
		}
		f, err := z.Create(name)
		assert.NilError(t, err)
		_, err = f.Write([]byte(files[name]))
		assert.NilError(t, err)
	}
	assert.NilError(t, z.Close())
	return out.Bytes()
}

func TestTheSampleExtensionHasNoFindings(t *testing.T) {
	t.Parallel()
	data, err := tryextension.Pack(testdata.SampleExtension())
	assert.NilError(t, err)
	assert.Assert(t, cmp.Len(tryextension.Check(data), 0))
	assert.Assert(t, cmp.Len(tryextension.Check(pack(t, nil)), 0))
}

func TestFindingsNameTheFileAndTheFix(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		over map[string]string
		want string // of the only finding, with its fix
	}{
		{"CRLF", map[string]string{"bin/x": "#!/bin/sh\r\necho\r\n"},
			`error: bin/x:1: the lines end in CR LF, as on Windows; the interpreter asked for is "/bin/sh^M"` + "\n    fix: sed -i 's/\\r$//' bin/x"},
		{"CRLF later", map[string]string{"bin/x": "#!/bin/sh\necho\r\n"}, `error: bin/x:2: the lines end in CR LF`},
		{"no manifest", map[string]string{"HandlerManifest.json": "-"}, `error: HandlerManifest.json: there is no such file`},
		{"manifest in a folder", map[string]string{"HandlerManifest.json": "-", "d/HandlerManifest.json": strings.ReplaceAll(goodManifest, "bin/", "bin/")},
			`error: d/HandlerManifest.json: the manifest is not at the top`},
		{"broken manifest", map[string]string{"HandlerManifest.json": "[{\n\"handlerManifest\": {\n]"},
			"error: HandlerManifest.json:3: invalid character ']' looking for beginning of object key string\n    fix: mend the JSON"},
		{"everything in a folder", map[string]string{"HandlerManifest.json": "-", "bin/x": "-", "manifest.xml": "-",
			"d/HandlerManifest.json": goodManifest, "d/bin/x": "#!/bin/sh\n", "d/manifest.xml": goodImage},
			`error: d/HandlerManifest.json: the manifest is not at the top`},
		{"version that is none", map[string]string{"manifest.xml": strings.Replace(goodImage, "1.0", "1.0-beta", 1)},
			"error: manifest.xml:1: the version 1.0-beta is not one to four numbers with dots between\n"},
		{"an object", map[string]string{"HandlerManifest.json": "{}"}, "error: HandlerManifest.json:1: this is an object, not an array\n    fix: write [{\"handlerManifest\""},
		{"a section of the wrong kind", map[string]string{"HandlerManifest.json": `[{"handlerManifest": 5}]`},
			"error: HandlerManifest.json:1: handlerManifest is a number, not an object\n"},
		{"name in another case", map[string]string{"HandlerManifest.json": "-", "handlermanifest.json": goodManifest},
			"error: handlermanifest.json: the name differs from HandlerManifest.json in case"},
		{"no section", map[string]string{"HandlerManifest.json": "[{}]"}, `error: HandlerManifest.json: there must be one element`},
		{"missing command", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `"updateCommand": "bin/x update",`, "", 1)},
			`error: HandlerManifest.json: updateCommand is missing, and will be missed when its next version comes`},
		{"key in another case", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `updateCommand`, "updatecommand", 1)},
			"error: HandlerManifest.json: updateCommand is missing, and will be missed when its next version comes\n    fix: spell updatecommand as updateCommand"},
		{"command is not there", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `bin/x enable`, "bin/y enable", 1)},
			`error: HandlerManifest.json:3: enableCommand: there is no file bin/y in the package`},
		{"command in another case", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `bin/x enable`, "bin/X enable", 1)},
			"error: HandlerManifest.json:3: enableCommand: there is no file bin/X in the package\n    fix: the package has bin/x: spell it the same"},
		{"interpreter as command", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `bin/x enable`, "python3 x.py", 1)},
			"error: HandlerManifest.json:3: enableCommand: there is no file python3 in the package\n    fix: commands are files of the package"},
		{"program for Windows", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `bin/x enable`, `bin/x.exe enable`, 1)},
			`error: HandlerManifest.json:3: enableCommand: bin/x.exe is a program for Windows`},
		{"backslashes in a command", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `bin/x enable`, `bin\\x enable`, 1)},
			`error: HandlerManifest.json:3: enableCommand: bin\x has backslashes`},
		{"backslashes in a name", map[string]string{`lib\y`: ""}, `error: lib\y: the name has backslashes`},
		{"a way out", map[string]string{`../y`: ""}, `warning: ../y: the name leads out of the package; it will be unpacked as y`},
		{"old interpreter", map[string]string{"bin/x": "#!/usr/bin/python\n"}, `warning: bin/x:1: /usr/bin/python is Python 2`},
		{"old interpreter by env", map[string]string{"bin/x": "#!/usr/bin/env python\n"}, `warning: bin/x:1: python is Python 2`},
		{"interpreter nobody has", map[string]string{"bin/x": "#!/opt/magic\n"}, `warning: bin/x:1: the interpreter /opt/magic is on no common image`},
		{"relative interpreter", map[string]string{"bin/x": "#!sh\n"}, `error: bin/x:1: the interpreter sh is not an absolute path`},
		{"no interpreter", map[string]string{"bin/x": "#!\n"}, `error: bin/x:1: #! names no interpreter`},
		{"byte order mark", map[string]string{"bin/x": "\ufeff#!/bin/sh\n"}, `error: bin/x:1: a byte order mark stands before #!`},
		{"mark in the manifest", map[string]string{"HandlerManifest.json": "\ufeff" + goodManifest}, `warning: HandlerManifest.json:1: the file begins with a byte order mark`},
		{"script without #!", map[string]string{"bin/y.sh": "echo\n"}, `warning: bin/y.sh:1: the script does not begin with #!`},
		{"switch as text", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `"updateCommand"`, `"reportHeartbeat": "true", "updateCommand"`, 1)},
			`warning: HandlerManifest.json:4: reportHeartbeat is "true", not true or false`},
		{"odd update mode", map[string]string{"HandlerManifest.json": strings.Replace(goodManifest, `"updateCommand"`, `"updateMode": "Fast", "updateCommand"`, 1)},
			`warning: HandlerManifest.json:4: updateMode "Fast" is taken for UpdateWithoutInstall`},
		{"import of the agent", map[string]string{"bin/x": "#!/bin/sh\npython3 /usr/sbin/waagent\n"}, `warning: bin/x:2: /usr/sbin/waagent is not a Python module`},
		{"no manifest.xml", map[string]string{"manifest.xml": "-"}, `warning: manifest.xml: there is no such file`},
		{"bad manifest.xml", map[string]string{"manifest.xml": "<a>\n<b>"}, "error: manifest.xml:2: this is no XML: "},
		{"program for another machine", map[string]string{"bin/y": "\x7fELF" + strings.Repeat("\x00", 20)}, `error: bin/y: the program is for neither amd64 nor arm64`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := tryextension.Check(pack(t, c.over))
			assert.Assert(t, cmp.Len(got, 1))
			assert.Assert(t, strings.HasPrefix(got[0].String(), c.want), got[0].String())
			assert.Equal(t, tryextension.Failed(got), strings.HasPrefix(c.want, "error"))
		})
	}
}

func TestAPackageThatIsNoZip(t *testing.T) {
	t.Parallel()
	got := tryextension.Check([]byte("MZ"))
	assert.Assert(t, cmp.Contains(got[0].String(), "this is no zip"))
}

func TestALinkInThePackageIsFound(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	h := &zip.FileHeader{Name: "bin/l"}
	h.SetMode(fs.ModeSymlink | 0o777)
	_, err := z.CreateHeader(h)
	assert.NilError(t, err)
	assert.NilError(t, z.Close())
	assert.Assert(t, slices.ContainsFunc(tryextension.Check(out.Bytes()), func(f tryextension.Finding) bool {
		return f.File == "bin/l" && strings.Contains(f.Problem, "symbolic link")
	}))
}

func TestALinkInAFolderIsFound(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mine")
	_, err := tryextension.New(dir)
	assert.NilError(t, err)
	assert.NilError(t, os.Symlink("sample", filepath.Join(dir, "bin/link")))
	findings, err := tryextension.CheckFile(dir)
	assert.NilError(t, err)
	assert.Assert(t, cmp.Len(findings, 1))
	assert.Assert(t, cmp.Contains(findings[0].String(), "error: bin/link: this is a symbolic link"))
}

func TestNewWritesAPackageThatPassesItsCheck(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mine")
	names, err := tryextension.New(dir)
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"HandlerManifest.json", "bin/sample", "manifest.xml"})
	findings, err := tryextension.CheckFile(dir)
	assert.NilError(t, err)
	assert.Assert(t, cmp.Len(findings, 0))
	info, err := os.Stat(filepath.Join(dir, "bin/sample"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), fs.FileMode(0o755))
	_, err = tryextension.New(dir)
	assert.ErrorContains(t, err, "not empty")
}

func FuzzCheck(f *testing.F) {
	f.Add(pack(f, nil))
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, finding := range tryextension.Check(data) {
			assert.Assert(t, finding.Problem != "" && finding.Fix != "")
		}
		id, err := tryextension.Identify(data)
		assert.Assert(t, err != nil || id.Name != "" && id.Version != "", "%+v", id)
	})
}
