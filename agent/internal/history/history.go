// Package history keeps what the fabric said, for support: one folder for every goal state, without secrets, packed
// once a newer one is there, and the oldest deleted.
package history

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
)

const (
	folder     = "history"
	timeLayout = "2006-01-02T15-04-05"
	kept       = 50 // folders and archives
	statusName = "waagent_status.json"
)

// History is the folder. It is safe for concurrent use; nothing it does ever fails its caller.
type History struct {
	Files host.Files
	Dir   string // Lib.Dir
	Log   *slog.Logger

	mu      sync.Mutex
	tag     string // of the current folder
	current string // its path; "" before the first document
}

// Keep puts a document into the folder of the goal state tag, which is made with the first of them.
func (h *History) Keep(tag, name string, document []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current == "" || tag != h.tag {
		h.begin(tag)
	}
	h.write(name, withoutSecrets(name, document))
}

// Add puts a document into the folder in use: manifests, the policy, the status blob.
func (h *History) Add(name string, document []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current != "" {
		h.write(name, withoutSecrets(name, document))
	}
}

// Status keeps the last status blob. It comes every few seconds, so the disk is not made to sync for it.
func (h *History) Status(blob []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current == "" {
		return
	}
	file, err := h.Files.Path(path.Join(h.current, statusName))
	if err == nil {
		err = os.WriteFile(file+".tmp", blob, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".tmp", file)
	}
	h.warn(err)
}

func (h *History) begin(tag string) {
	root := path.Join(h.Dir, folder)
	if err := h.Files.MkdirAll(root, 0o700); err != nil {
		h.warn(err)
		return
	}
	h.pack(root)
	h.tag = tag
	h.current = path.Join(root, time.Now().UTC().Format(timeLayout)+"__"+clean(tag))
	h.warn(h.Files.MkdirAll(h.current, 0o700))
	h.purge(root)
}

// clean makes a tag into a part of a file name.
func clean(tag string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, tag)
}

func (h *History) write(name string, document []byte) {
	if h.current == "" {
		return
	}
	// What support may want to read one day is not worth the disk's time for a sync.
	h.warn(h.Files.WriteSoon(path.Join(h.current, clean(name)), document, 0o600))
}

// entry is one goal state of the past, a folder or its archive. Whatever else lies there is not ours.
var entry = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d__[\w.-]*$`)

func (h *History) entries(root string) []os.DirEntry {
	all, err := h.Files.ReadDir(root)
	h.warn(err)
	return slices.DeleteFunc(all, func(e os.DirEntry) bool { return !entry.MatchString(e.Name()) })
}

// pack turns every folder into an archive of the same name.
func (h *History) pack(root string) {
	for _, e := range h.entries(root) {
		if !e.IsDir() {
			continue
		}
		dir := path.Join(root, e.Name())
		if err := h.zip(dir); err != nil {
			h.warn(fmt.Errorf("pack %s: %w", dir, err))
			continue
		}
		h.warn(h.Files.RemoveAll(dir))
	}
}

func (h *History) zip(dir string) error {
	files, err := h.Files.ReadDir(dir)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		data, err := h.Files.ReadFile(path.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: f.Name(), Method: zip.Deflate, Modified: time.Now()}
		header.SetMode(0o600)
		member, err := w.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := io.Copy(member, bytes.NewReader(data)); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return h.Files.WriteAtomic(dir+".zip", out.Bytes(), 0o600)
}

// purge deletes the oldest entries; their names begin with their time.
func (h *History) purge(root string) {
	all := h.entries(root)
	for _, e := range all[:max(0, len(all)-kept)] {
		h.warn(h.Files.RemoveAll(path.Join(root, e.Name())))
	}
}

func (h *History) warn(err error) {
	if err != nil {
		h.Log.Warn("Cannot keep the history", "error", err)
	}
}
