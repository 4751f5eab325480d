package ovfgen

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// DefaultLabel has the form of Azure's, the date and number of a release. cloud-init's ds-identify knows its
// beginning and does not take such a disc for a VMware OVF.
const DefaultLabel = "rd_rdfe_stable.261101-0000"

// Format is a filesystem, or two on one disc, with its version.
type Format string

// The formats. A bridge carries ISO 9660 with Joliet names and UDF 1.02 over the same bytes of each file.
const (
	UDF102  Format = "udf-1.02"
	UDF150  Format = "udf-1.50"
	UDF200  Format = "udf-2.00"
	UDF201  Format = "udf-2.01"
	Bridge  Format = "bridge"
	ISO9660 Format = "iso9660"

	DefaultFormat = UDF102
)

// Formats lists every format a spec can ask for.
func Formats() []Format { return []Format{UDF102, UDF150, UDF200, UDF201, Bridge, ISO9660} }

func formatNames() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

func (f Format) known() bool { return f == "" || slices.Contains(Formats(), f) }

// revision is the UDF revision in the standard's BCD, 0 for none.
func (f Format) revision() uint16 {
	return map[Format]uint16{UDF102: 0x102, UDF150: 0x150, UDF200: 0x200, UDF201: 0x201, Bridge: 0x102}[f]
}

func (f Format) iso() bool { return f == Bridge || f == ISO9660 }

// File is a file in the root of an image.
type File struct {
	Name string
	Data []byte
}

// Image is a disc to be written.
type Image struct {
	Format Format // DefaultFormat if empty
	Label  string // DefaultLabel if empty
	Files  []File
	Time   time.Time // of everything on it; a fixed one if zero, so that equal specs are equal images
}

// Write writes the provisioning DVD that s describes.
func Write(w io.Writer, s Spec) error {
	document, err := Document(s)
	if err != nil {
		return err
	}
	image := Image{Format: s.Format, Label: s.Label}
	if document != nil {
		image.Files = []File{{ovfenv.FileName, document}} // first, because of its sector
	}
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		image.Files = append(image.Files, File{name, []byte(s.Files[name])})
	}
	return WriteImage(w, image)
}

// WriteImage writes any disc with files in its root.
func WriteImage(w io.Writer, i Image) error {
	if i.Format == "" {
		i.Format = DefaultFormat
	}
	if i.Label == "" {
		i.Label = DefaultLabel
	}
	if i.Time.IsZero() {
		i.Time = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	}
	if err := i.check(); err != nil {
		return err
	}
	l := layout(i)
	d := newDisc(w, l.sectors)
	if i.Format.iso() {
		l.writeISO(d)
	}
	if i.Format.revision() != 0 {
		l.writeUDF(d)
	}
	for _, f := range l.files {
		d.at(f.sector, f.Data)
	}
	return d.flush()
}

func (i Image) check() error {
	if !i.Format.known() {
		return fmt.Errorf("format %q is none of %s", i.Format, formatNames())
	}
	if err := checkLabel(i.Label); err != nil {
		return fmt.Errorf("label: %w", err)
	}
	if len(i.Files) > maxFiles {
		return fmt.Errorf("%d files, more than the %d an image has room for", len(i.Files), maxFiles)
	}
	seen := map[string]bool{}
	for _, f := range i.Files {
		switch {
		case f.Name == "" || path.Base(f.Name) != f.Name || strings.Trim(f.Name, ".") == "" || len(f.Name) > 64:
			return fmt.Errorf("%q cannot be a file in an image's root", f.Name)
		case seen[strings.ToLower(f.Name)]:
			return fmt.Errorf("two files called %s", f.Name)
		case len(f.Data) >= maxFile:
			return fmt.Errorf("%s: %d bytes, more than one extent holds", f.Name, len(f.Data))
		}
		if !printable(f.Name) {
			return fmt.Errorf("%q: names are ASCII", f.Name)
		}
		seen[strings.ToLower(f.Name)] = true
	}
	return nil
}

func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}
