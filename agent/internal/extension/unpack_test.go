package extension

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

type member struct {
	name, body string
	mode       fs.FileMode
}

func archive(t testing.TB, members ...member) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		if m.mode != 0 {
			h.SetMode(m.mode)
		}
		f, err := z.CreateHeader(h)
		assert.NilError(t, err)
		_, err = f.Write([]byte(m.body))
		assert.NilError(t, err)
	}
	assert.NilError(t, z.Close())
	file := filepath.Join(t.TempDir(), "package.zip")
	assert.NilError(t, os.WriteFile(file, out.Bytes(), 0o600))
	return file
}

// tree is every file below dir with its mode and content, and whether it is a plain file.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	assert.NilError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		got[rel] = info.Mode().String() + " " + string(data)
		return err
	}))
	return got
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   []member
		want map[string]string
	}{
		{"modes of the archive say nothing", []member{{"bin/a", "x", 0o777}, {"b", "y", 0o400}, {"c/", "", 0o700 | fs.ModeDir}},
			map[string]string{"bin/a": "-rwxr--r-- x", "b": "-rwxr--r-- y"}},
		{"no way out", []member{{"../../a", "1", 0}, {"/etc/b", "2", 0}, {"c/../../d", "3", 0}, {"./e", "4", 0}, {"..", "5", 0}},
			map[string]string{"a": "-rwxr--r-- 1", "etc/b": "-rwxr--r-- 2", "c/d": "-rwxr--r-- 3", "e": "-rwxr--r-- 4"}},
		{"a link is a plain file", []member{{"link", "/etc/passwd", fs.ModeSymlink | 0o777}, {"link", "over", 0}},
			map[string]string{"link": "-rwxr--r-- over"}},
		{"nothing goes through a link", []member{{"link", "/tmp", fs.ModeSymlink | 0o777}, {"other", "x", 0}},
			map[string]string{"link": "-rwxr--r-- /tmp", "other": "-rwxr--r-- x"}},
		{"names end at a NUL", []member{{"a\x00/../b", "x", 0}}, map[string]string{"a": "-rwxr--r-- x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			assert.NilError(t, unpack(archive(t, c.in...), dir, 1<<20))
			assert.DeepEqual(t, tree(t, dir), c.want)
		})
	}
}

func TestUnpackOverAFolderReplacesFilesAndLinks(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	assert.NilError(t, os.WriteFile(outside+"/victim", []byte("safe"), 0o600))
	assert.NilError(t, os.Symlink(outside+"/victim", dir+"/file"))
	assert.NilError(t, os.Symlink(outside, dir+"/folder"))
	assert.NilError(t, os.WriteFile(dir+"/stays", []byte("s"), 0o600))
	assert.NilError(t, unpack(archive(t, member{"file", "1", 0}, member{"folder/victim", "2", 0}), dir, 1<<20))
	assert.DeepEqual(t, tree(t, dir), map[string]string{
		"file": "-rwxr--r-- 1", "folder/victim": "-rwxr--r-- 2", "stays": "-rw------- s",
	})
	assert.DeepEqual(t, tree(t, outside), map[string]string{"victim": "-rw------- safe"})
}

func TestUnpackStopsAtItsLimit(t *testing.T) {
	t.Parallel()
	bomb := archive(t, member{"a", strings.Repeat("0", 600), 0}, member{"b", strings.Repeat("0", 600), 0})
	assert.ErrorIs(t, unpack(bomb, t.TempDir(), 1000), errTooBig)
	assert.NilError(t, unpack(bomb, t.TempDir(), 1200))
}

func TestUnpackNoticesDamage(t *testing.T) {
	t.Parallel()
	file := archive(t, member{"a", strings.Repeat("abc", 1000), 0})
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	data[40] ^= 0xff
	assert.NilError(t, os.WriteFile(file, data, 0o600))
	assert.Assert(t, unpack(file, t.TempDir(), 1<<20) != nil)
}

func FuzzUnpack(f *testing.F) {
	for _, members := range [][]member{
		{{"bin/a", "x", 0o755}, {"HandlerManifest.json", "[]", 0}}, {{"../x", "1", 0}, {"l", "/", fs.ModeSymlink}, {"l/y", "2", 0}},
		{{"a/", "", fs.ModeDir | 0o755}, {"a/b/c", "", 0}},
	} {
		data, err := os.ReadFile(archive(f, members...))
		assert.NilError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		dir, file := filepath.Join(top, "in/side"), filepath.Join(top, "zip")
		assert.NilError(t, os.MkdirAll(dir, 0o700))
		assert.NilError(t, os.WriteFile(file, data, 0o600))
		_ = unpack(file, dir, 1<<20)
		for _, outside := range []string{top, filepath.Join(top, "in")} {
			entries, err := os.ReadDir(outside)
			assert.NilError(t, err)
			for _, e := range entries {
				assert.Assert(t, e.Name() == "in" || e.Name() == "zip" || e.Name() == "side", "%s got out", e.Name())
			}
		}
		assert.NilError(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			assert.Assert(t, err != nil || d.IsDir() || d.Type().IsRegular(), "%s is no plain file", d)
			return err
		}))
	})
}
