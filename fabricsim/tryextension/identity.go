package tryextension

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// Identity is what a package says of itself.
type Identity struct {
	Name, Version string
	MultiConfig   bool
}

// Identify reads a package's name and version from manifest.xml; what that does not say is Contoso.Extension 1.0.0.
func Identify(data []byte) (Identity, error) {
	id := Identity{Name: "Contoso.Extension", Version: "1.0.0"}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return id, err
	}
	var image struct {
		Namespace string `xml:"ProviderNameSpace"`
		Type      string `xml:"Type"`
		Version   string `xml:"Version"`
	}
	var manifests handler.Manifests
	for _, f := range r.File {
		switch unpackedName(f.Name) {
		case "manifest.xml":
			err = read(f, func(b []byte) error { return xml.Unmarshal(b, &image) })
		case handler.ManifestFile:
			err = read(f, func(b []byte) error { return json.Unmarshal(b, &manifests) })
		}
		if err != nil {
			return id, err
		}
	}
	publisher, kind := strings.TrimSpace(image.Namespace), strings.TrimSpace(image.Type)
	if publisher != "" && kind != "" {
		id.Name = publisher + "." + kind
	}
	id.Version = cmp.Or(strings.TrimSpace(image.Version), id.Version)
	id.MultiConfig = len(manifests) > 0 && manifests[0].Handler != nil && bool(manifests[0].Handler.SupportsMultipleExtensions)
	return id, nil
}

func read(f *zip.File, use func([]byte) error) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return err
	}
	return use(bytes.TrimPrefix(data, []byte("\ufeff")))
}
