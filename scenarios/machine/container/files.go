package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/moby/moby/client"
)

// file is put into a container before it starts.
type file struct {
	path string
	mode fs.FileMode
	data []byte
	link string // not "": a symbolic link
}

// copyIn writes the files into a container that has not started.
func copyIn(ctx context.Context, engine *client.Client, id string, files []file) error {
	if len(files) == 0 {
		return nil
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		h := &tar.Header{Name: strings.TrimPrefix(f.path, "/"), Mode: int64(f.mode.Perm()), Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		if f.link != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.link, 0
		}
		if err := w.WriteHeader(h); err != nil {
			return fmt.Errorf("pack %s: %w", f.path, err)
		}
		if f.link == "" {
			if _, err := w.Write(f.data); err != nil {
				return fmt.Errorf("pack %s: %w", f.path, err)
			}
		}
	}
	_, err := engine.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: "/", Content: &archive})
	if err := errors.Join(w.Close(), err); err != nil {
		return fmt.Errorf("copy files into a container: %w", err)
	}
	return nil
}
