// Package tryextension is the loop of an extension's author: it looks a package over, plays an extension's life on a
// guest, and says what the portal would show. It boots nothing; whoever has a guest hands it one.
package tryextension

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Severity says what a finding means for the package.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // it will not work
	Warning Severity = "warning" // it may not work everywhere
)

// Finding is something about a package that its author wants to know.
type Finding struct {
	Severity Severity
	File     string // in the package; "" is the package itself
	Line     int    // 0: the file as a whole
	Problem  string
	Fix      string
}

func (f Finding) String() string {
	where := cmp.Or(f.File, "package")
	if f.Line > 0 {
		where += fmt.Sprintf(":%d", f.Line)
	}
	return fmt.Sprintf("%s: %s: %s\n    fix: %s", f.Severity, where, f.Problem, f.Fix)
}

// Failed says whether one of the findings is an error.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// maxFile bounds what is read of one file; programs are looked at by their beginning only.
const maxFile = 4 << 20

// checker collects the findings about one package.
type checker struct {
	files    map[string][]byte // by name as the agent unpacks it; content up to maxFile
	top      string            // the folder in which the manifest was found, "." where it should be
	findings []Finding
}

func (c *checker) add(s Severity, file string, line int, problem, fix string) {
	c.findings = append(c.findings, Finding{s, file, line, problem, fix})
}

// CheckFile looks over a zip, or a folder that is to become one. The error says that it could not be read at all.
func CheckFile(path string) ([]Finding, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		data, err := Pack(os.DirFS(path))
		if err != nil {
			return nil, err
		}
		return Check(data), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Check(data), nil
}

// Check looks over a zipped package. Findings are in the order of severity and file.
func Check(data []byte) []Finding {
	c := &checker{files: map[string][]byte{}}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		c.add(Error, "", 0, fmt.Sprintf("this is no zip: %v", err), "zip the folder: (cd folder && zip -r ../package.zip .)")
		return c.findings
	}
	for _, f := range r.File {
		c.entry(f)
	}
	c.manifest()
	c.image()
	for name, data := range c.files {
		c.script(name, data)
	}
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return c.findings
}

// entry takes one member of the archive in.
func (c *checker) entry(f *zip.File) {
	if f.FileInfo().IsDir() {
		return
	}
	name := unpackedName(f.Name)
	switch {
	case strings.Contains(f.Name, `\`):
		c.add(Error, f.Name, 0, "the name has backslashes, which are no folders on Linux",
			"zip on Linux, or with a tool that writes forward slashes (.NET 4.6.1 and newer do)")
	case name != strings.TrimPrefix(f.Name, "./"):
		c.add(Warning, f.Name, 0, "the name leads out of the package; it will be unpacked as "+name, "zip from inside the folder")
	}
	if f.Mode()&fs.ModeSymlink != 0 {
		c.add(Error, f.Name, 0, "this is a symbolic link, and will be a plain file that holds its target", "zip without -y, so that files are stored")
	}
	if f.Flags&1 != 0 {
		c.add(Error, f.Name, 0, "this file is encrypted", "zip without a password")
		return
	}
	if _, twice := c.files[name]; twice {
		c.add(Warning, f.Name, 0, "the package has this file twice; the last one counts", "make the zip anew instead of adding to it")
	}
	in, err := f.Open()
	if err != nil {
		c.add(Error, f.Name, 0, fmt.Sprintf("cannot be unpacked: %v", err), "use the methods store or deflate")
		return
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		c.add(Error, f.Name, 0, fmt.Sprintf("cannot be unpacked: %v", err), "make the zip anew")
		return
	}
	c.files[name] = data
}

// unpackedName is what the agent makes of a member's name.
func unpackedName(name string) string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." && part != ".." {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// Pack zips a folder as a package. A link stays one, as with `zip -y`, so that Check finds it.
func Pack(fsys fs.FS) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return add(z, fsys, name, d)
	})
	if err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// add writes one file of a folder into the zip.
func add(z *zip.Writer, fsys fs.FS, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	h, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	h.Name, h.Method = name, zip.Deflate
	var data []byte
	switch {
	case info.Mode().IsRegular():
		data, err = fs.ReadFile(fsys, name)
	case info.Mode()&fs.ModeSymlink != 0:
		var target string
		target, err = fs.ReadLink(fsys, name)
		data = []byte(target)
	default:
		err = fmt.Errorf("%s is neither a file nor a folder", name)
	}
	if err != nil {
		return err
	}
	out, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}
