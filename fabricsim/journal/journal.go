// Package journal is the fabric's memory: every request and its answer, numbered from 1. It keeps the latest entries
// and, if it has a file, writes all of them there; nothing in it decides anything.
package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Entry is one request and its answer.
type Entry struct {
	N       int64             `json:"n"`
	Time    time.Time         `json:"time"` // when the request came
	VM      string            `json:"vm,omitempty"`
	Surface string            `json:"surface"`         // wireserver, hostga, imds, blobs
	Route   string            `json:"route,omitempty"` // "" for a request nothing answers to
	Method  string            `json:"method"`
	URL     string            `json:"url"` // SAS tokens redacted
	From    string            `json:"from,omitempty"`
	Header  map[string]string `json:"header,omitempty"` // the telling ones, lower-case names
	Size    int64             `json:"size,omitempty"`   // of the request's body
	Status  int               `json:"status"`           // 0: no answer was given
	Length  int64             `json:"length,omitempty"` // of the answer's body
	Took    time.Duration     `json:"took"`
	// ClientError marks a request that Azure would have rejected. Answers spoilt by a playbook are none.
	ClientError bool   `json:"clientError,omitempty"`
	Fault       string `json:"fault,omitempty"` // the playbook step that spoilt it
	Note        string `json:"note,omitempty"`
}

// DefaultSize is how many entries a Journal keeps in memory.
const DefaultSize = 4096

// Journal collects entries. Its methods may be called at once from many goroutines.
type Journal struct {
	mu      sync.Mutex
	ring    []Entry // entry n stands at (n-1) mod len
	last    int64
	errors  int64         // client errors so far
	changed chan struct{} // closed and replaced at each append
	file    *os.File
	offsets []int64 // offset in file of every spacing-th entry
	end     int64
	fileErr error
}

const spacing = 256

// New makes a journal that keeps size entries in memory (0: DefaultSize) and, if path is not "", writes all of them to
// that file, as JSON lines.
func New(size int, path string) (*Journal, error) {
	if size <= 0 {
		size = DefaultSize
	}
	j := &Journal{ring: make([]Entry, size), changed: make(chan struct{})}
	if path == "" {
		return j, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j.file = f
	return j, nil
}

// Append numbers e, keeps it and wakes those who wait.
func (j *Journal) Append(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.N = j.last
	j.ring[(e.N-1)%int64(len(j.ring))] = e
	if e.ClientError {
		j.errors++
	}
	j.spill(e)
	close(j.changed)
	j.changed = make(chan struct{})
}

// spill writes e to the file. A full disk stops the writing, not the fabric; Close tells.
func (j *Journal) spill(e Entry) {
	if j.file == nil || j.fileErr != nil {
		return
	}
	line, err := json.Marshal(e)
	if err == nil {
		if (e.N-1)%spacing == 0 {
			j.offsets = append(j.offsets, j.end)
		}
		_, err = j.file.Write(append(line, '\n'))
		j.end += int64(len(line)) + 1
	}
	j.fileErr = err
}

// Last is the number of the latest entry, 0 when there is none.
func (j *Journal) Last() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// ClientErrors is how many entries were client errors so far.
func (j *Journal) ClientErrors() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.errors
}

// From returns up to limit entries (0: all) from number n on. Entries that fell out of the ring come from the file;
// without one they are gone, and the answer starts with the oldest that is left.
func (j *Journal) From(n int64, limit int) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	n = max(n, 1)
	var out []Entry
	oldest := max(j.last-int64(len(j.ring))+1, 1)
	if n < oldest {
		out = j.fromFile(n, oldest, limit)
		n = oldest
	}
	for ; n <= j.last && (limit <= 0 || len(out) < limit); n++ {
		out = append(out, j.ring[(n-1)%int64(len(j.ring))])
	}
	return out
}

// fromFile reads entries [from, to) back.
func (j *Journal) fromFile(from, to int64, limit int) []Entry {
	if j.file == nil || j.fileErr != nil {
		return nil
	}
	start := j.offsets[(from-1)/spacing]
	dec := json.NewDecoder(io.NewSectionReader(j.file, start, j.end-start))
	var out []Entry
	for limit <= 0 || len(out) < limit {
		var e Entry
		if err := dec.Decode(&e); err != nil || e.N >= to {
			break
		}
		if e.N >= from {
			out = append(out, e)
		}
	}
	return out
}

// Wait is From, once there is at least one entry from n on, or nil when ctx is done first.
func (j *Journal) Wait(ctx context.Context, n int64, limit int) []Entry {
	for {
		j.mu.Lock()
		changed, last := j.changed, j.last
		j.mu.Unlock()
		if last >= n {
			return j.From(n, limit)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// Close closes the file and says what went wrong with it.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if j.fileErr != nil {
		return fmt.Errorf("write journal: %w", j.fileErr)
	}
	return err
}
