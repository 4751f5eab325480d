package ovfgen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/waagent-go/waagent/agent/media"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// maxLook is how much of a file is looked at to see whether it is a document rather than a disc.
const maxLook = 64 << 10

// Read reads a provisioning disc, or a bare ovf-env.xml, back as the spec that makes it. The size is that of r.
func Read(r io.ReaderAt, size int64) (Spec, error) {
	section := io.NewSectionReader(r, 0, size)
	fsys, info, err := media.Open(section)
	if errors.Is(err, media.ErrUnknown) && looksLikeXML(section) {
		document, err := io.ReadAll(io.LimitReader(section, media.MaxWhole))
		if err != nil {
			return Spec{}, err
		}
		return fromDocument(document)
	}
	if err != nil {
		return Spec{}, err
	}
	document, err := fs.ReadFile(fsys, ovfenv.FileName)
	if errors.Is(err, fs.ErrNotExist) {
		return Spec{}, fmt.Errorf("no %s on the %s disc %q; it holds: %s", ovfenv.FileName, info.Filesystem, info.Label, listing(fsys))
	}
	if err != nil {
		return Spec{}, err
	}
	s, err := fromDocument(document)
	if err != nil {
		return Spec{}, err
	}
	if s.Files, err = otherFiles(fsys); err != nil {
		return Spec{}, err
	}
	s.Label = info.Label
	s.Format = Format(info.Filesystem)
	switch {
	case info.Bridge:
		s.Format = Bridge
	case info.Filesystem == media.UDF:
		s.Format = Format("udf-" + info.Version)
	}
	return s, nil
}

// maxOther is how large a file beside the document may be to be part of a spec.
const maxOther = 64 << 10

// otherFiles are the small text files beside the document; what else there is cannot stand in a spec.
func otherFiles(fsys fs.FS) (map[string]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.Name() == ovfenv.FileName || !info.Mode().IsRegular() || info.Size() > maxOther {
			continue
		}
		content, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return nil, err
		}
		if utf8.Valid(content) && !slices.ContainsFunc(content, control) {
			files[e.Name()] = string(content)
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	return files, nil
}

func fromDocument(document []byte) (Spec, error) {
	e, err := ovfenv.Decode(document)
	if err != nil {
		return Spec{}, err
	}
	return FromEnvironment(e), nil
}

func looksLikeXML(section *io.SectionReader) bool {
	begin := make([]byte, min(section.Size(), maxLook))
	if _, err := section.ReadAt(begin, 0); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(begin, "\xef\xbb\xbf \t\r\n"), []byte("<"))
}

// listing names what is in the root, for people who took the wrong disc.
func listing(fsys fs.FS) string {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil || len(entries) == 0 {
		return "nothing"
	}
	var names []string
	for _, e := range entries[:min(len(entries), 10)] {
		names = append(names, e.Name())
	}
	if len(entries) > len(names) {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}

// YAML writes s as a spec file. Its secrets read secret.Redacted unless they are to be shown: so does what only may be one,
// a file beside the document and an element that is called like a secret.
func (s Spec) YAML(showSecrets bool) ([]byte, error) {
	if !showSecrets {
		s.Files = redacted(s.Files, func(string) bool { return true })
		s.Extra.Linux, s.Extra.Platform = redacted(s.Extra.Linux, secretName), redacted(s.Extra.Platform, secretName)
	}
	var n yaml.Node
	if err := n.Encode(s); err != nil {
		return nil, err
	}
	secrets := map[string]secret.Text{"password": s.Password, "admin_password": s.AdminPassword,
		"custom_data": s.CustomData, "custom_data_base64": s.CustomDataBase64, "raw_ovf": s.RawOVF}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if value, ok := secrets[n.Content[i].Value]; ok && showSecrets {
			n.Content[i+1].Style = 0 // the redaction mark was quoted
			n.Content[i+1].SetString(value.Reveal())
		}
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	err := errors.Join(e.Encode(&n), e.Close())
	return out.Bytes(), err
}

// redacted is a copy of values in which those that hide names are not to be read.
func redacted(values map[string]string, hide func(name string) bool) map[string]string {
	values = maps.Clone(values)
	for name := range values {
		if hide(name) {
			values[name] = secret.Redacted
		}
	}
	return values
}

func secretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"pass", "secret", "token", "key", "credential"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}
