package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/waagent-go/waagent/ovfgen"
)

// inspect prints the disc, device or document at path as a spec.
func inspect(path string, showSecrets bool, stdin io.Reader, stdout io.Writer) error {
	spec, err := readDisc(path, stdin)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text, err := spec.YAML(showSecrets)
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}

func readDisc(path string, stdin io.Reader) (ovfgen.Spec, error) {
	if path == "-" {
		content, err := io.ReadAll(stdin)
		if err != nil {
			return ovfgen.Spec{}, err
		}
		return ovfgen.Read(bytes.NewReader(content), int64(len(content)))
	}
	f, err := os.Open(path)
	if err != nil {
		return ovfgen.Spec{}, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd) // a device has no other size
	if err != nil {
		return ovfgen.Spec{}, err
	}
	return ovfgen.Read(f, size)
}
