// Package logcollect packs the files that support asks for into one archive. It sends nothing: what becomes of the
// archive is decided by whoever asked for it.
package logcollect

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// AgentLog is the agent's own log.
const AgentLog = "/var/log/waagent.log"

// The original's limits: a file that is larger gives its end only, and the archive takes no more than this in all.
const (
	fileLimit  = 30 << 20
	totalLimit = 150 << 20
)

// Collector knows where things are on this machine.
type Collector struct {
	Files                             host.Files
	LibDir, ExtensionLogDir, ConfFile string

	FileLimit, TotalLimit int64 // 0: 30 MiB, 150 MiB
}

// Archive is where Collect leaves the result, as a guest path.
func (c *Collector) Archive() string { return c.dir() + "/logs.zip" }

func (c *Collector) dir() string { return c.LibDir + "/logcollector" }

// Collect writes the archive and beside it results.txt, which is also the archive's last member. A file that cannot be
// read is named there and left out.
func (c *Collector) Collect(ctx context.Context, full bool) error {
	if err := c.Files.MkdirAll(c.dir(), 0o700); err != nil {
		return err
	}
	var results results
	files := c.choose(c.manifest(full), &results)
	path, err := c.Files.Follow(c.dir())
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(path, ".logs.*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // nothing left to remove once renamed
	err = c.pack(ctx, tmp, files, &results)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("pack logs: %w", err)
	}
	return os.Rename(tmp.Name(), filepath.Join(path, "logs.zip"))
}

// choose lists folders into results and answers the files to pack, the most wanted first, none twice.
func (c *Collector) choose(entries []entry, r *results) []string {
	var files []string
	for _, e := range entries {
		if e.list {
			r.say("INFO", "%s", c.list(e.path))
			continue
		}
		files = append(files, c.match(e.path)...)
	}
	slices.SortFunc(files, cmp.Compare)
	files = slices.Compact(files)
	rank := map[string]int{}
	for i, pattern := range c.first() {
		for _, f := range c.match(pattern) {
			if _, known := rank[f]; !known {
				rank[f] = i - len(c.first())
			}
		}
	}
	slices.SortStableFunc(files, func(a, b string) int { return cmp.Compare(rank[a], rank[b]) })
	return files
}

// match expands a pattern, in folders too, to the regular files there are.
func (c *Collector) match(pattern string) []string {
	paths := []string{"/"}
	for part := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		var next []string
		for _, dir := range paths {
			next = append(next, c.Files.Glob(filepath.Join(dir, part))...)
		}
		paths = next
	}
	return slices.DeleteFunc(paths, func(name string) bool {
		info, err := c.Files.Stat(name)
		return err != nil || !info.Mode().IsRegular()
	})
}

func (c *Collector) list(dir string) string {
	entries, err := c.Files.ReadDir(dir)
	if err != nil {
		return fmt.Sprintf("%s: %v", dir, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			fmt.Fprintf(&b, "\n%s %12d %s %s", info.Mode(), info.Size(), info.ModTime().UTC().Format(time.RFC3339), e.Name())
		}
	}
	return b.String()
}

// pack writes the archive until its size is reached.
func (c *Collector) pack(ctx context.Context, w io.Writer, files []string, r *results) error {
	archive := zip.NewWriter(w)
	left := cmp.Or(c.TotalLimit, totalLimit)
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.add(archive, name, left)
		switch {
		case errors.Is(err, errFull):
			r.say("WARNING", "archive is full, left out from here: %s", name)
			left = 0
		case errors.Is(err, fs.ErrNotExist):
			continue // gone meanwhile
		case err != nil:
			r.say("ERROR", "%s: %v", name, err)
		case n > 0:
			r.say("INFO", "%s %d", name, n)
		}
		if left -= n; left <= 0 {
			break
		}
	}
	member, err := archive.Create("results.txt")
	if err != nil {
		return err
	}
	if _, err := member.Write(r.text); err != nil {
		return err
	}
	return errors.Join(archive.Close(), c.Files.WriteAtomic(c.dir()+"/results.txt", r.text, 0o600))
}

var errFull = errors.New("archive is full")

// add packs one file, or its end; it answers how many bytes went in.
func (c *Collector) add(archive *zip.Writer, name string, left int64) (int64, error) {
	path, err := c.Files.Follow(name)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size, member := info.Size(), strings.TrimPrefix(name, "/")
	if limit := cmp.Or(c.FileLimit, fileLimit); size > limit {
		if compressed(name) {
			return 0, fmt.Errorf("larger than %d bytes, and the end of a compressed file is of no use", limit)
		}
		if _, err := f.Seek(size-limit, io.SeekStart); err != nil {
			return 0, err
		}
		size, member = limit, "truncated_"+strings.ReplaceAll(member, "/", "_")
	}
	if size > left {
		return 0, errFull
	}
	out, err := archive.CreateHeader(&zip.FileHeader{Name: member, Method: zip.Deflate, Modified: info.ModTime()})
	if err != nil {
		return 0, err
	}
	return io.Copy(out, io.LimitReader(f, size)) // a log may grow meanwhile
}

func compressed(name string) bool {
	return slices.Contains([]string{".gz", ".zip", ".xz"}, filepath.Ext(name))
}

// results is the story of one collection.
type results struct{ text []byte }

func (r *results) say(level, format string, args ...any) {
	r.text = fmt.Appendf(r.text, "%s %s %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), level, fmt.Sprintf(format, args...))
}
