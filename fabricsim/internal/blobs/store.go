// Package blobs is the blob storage of a simulated fabric: block, page and append blobs in memory, shared access
// signatures with expiry and permissions, and the answers and errors of the real service. Agents reach it directly;
// HostGAPlugin reaches it in process.
package blobs

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is the kind of a blob, as in x-ms-blob-type.
type Kind string

// The kinds.
const (
	Block  Kind = "BlockBlob"
	Page   Kind = "PageBlob"
	Append Kind = "AppendBlob"
)

// Blob is a snapshot of one blob.
type Blob struct {
	Account, Path string // Path starts with its container
	Kind          Kind
	Data          []byte
	Modified      time.Time
	Version       int64 // counts the writes of the store
	Public        bool  // readable without a signature
}

// Store holds the blobs of one fabric.
type Store struct {
	base    string // how URLs start, with {account} or without
	key     []byte // signs
	now     func() time.Time
	mu      sync.Mutex
	blobs   map[string]*stored
	version int64
	written func(context.Context, Blob) // called after a client's write, without the lock
}

type stored struct {
	Blob
	blocks map[string][]byte // uncommitted
}

// NewStore makes an empty store. URLs start with base: "https://{account}.example" or, for a single host,
// "http://127.0.0.1:8080", which then has the account in the path. Written is called after each write by a client.
func NewStore(base string, key []byte, now func() time.Time, written func(context.Context, Blob)) *Store {
	if written == nil {
		written = func(context.Context, Blob) {}
	}
	return &Store{base: strings.TrimSuffix(base, "/"), key: key, now: now, blobs: map[string]*stored{}, written: written}
}

// URL is where a client finds a blob, without a signature.
func (s *Store) URL(account, path string) string {
	if strings.Contains(s.base, "{account}") {
		return strings.ReplaceAll(s.base, "{account}", account) + "/" + path
	}
	return fmt.Sprintf("%s/%s/%s", s.base, account, path)
}

// Owns reports whether a URL leads to this storage.
func (s *Store) Owns(u *url.URL) bool {
	if strings.Contains(s.base, "{account}") {
		account, _ := s.split(u.Hostname(), u.Path)
		return s.host(account) == u.Hostname()
	}
	return s.host("") == u.Hostname()
}

func (s *Store) host(account string) string {
	base, err := url.Parse(strings.ReplaceAll(s.base, "{account}", account))
	if err != nil {
		return ""
	}
	return base.Hostname()
}

// Put keeps a block blob. The data is not copied and must not change.
func (s *Store) Put(account, path string, data []byte, public bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.create(account, path, Block)
	b.Data, b.Public = data, public
}

// PutPage keeps a page blob, padded to whole pages.
func (s *Store) PutPage(account, path string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.create(account, path, Page)
	b.Data = append(slices.Clone(data), make([]byte, (512-len(data)%512)%512)...)
}

// Get finds a blob.
func (s *Store) Get(account, path string) (Blob, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[account+"/"+path]
	if !ok || b.Version == 0 {
		return Blob{}, false
	}
	return b.Blob, true
}

// Promise makes the URL of a blob that is not there known: asking for it is no mistake, and answered by 404.
func (s *Store) Promise(account, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[account+"/"+path] = &stored{Blob: Blob{Account: account, Path: path, Public: true}}
}

func (s *Store) promised(account, path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.blobs[account+"/"+path]
	return b != nil && b.Version == 0 && b.Public
}

// Delete forgets a blob.
func (s *Store) Delete(account, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blobs, account+"/"+path)
}

// List names all blobs, without their data.
func (s *Store) List() []Blob {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Blob, 0, len(s.blobs))
	for _, key := range slices.Sorted(maps.Keys(s.blobs)) {
		if b := s.blobs[key].Blob; b.Version > 0 {
			b.Data = b.Data[:len(b.Data):len(b.Data)]
			out = append(out, b)
		}
	}
	return out
}

// create makes a new empty blob in place of an old one. The lock is held.
func (s *Store) create(account, path string, kind Kind) *stored {
	old := s.blobs[account+"/"+path]
	b := &stored{Blob: Blob{Account: account, Path: path, Kind: kind}}
	if old != nil {
		b.Public = old.Public
	}
	s.blobs[account+"/"+path] = b
	s.touch(b)
	return b
}

func (s *Store) touch(b *stored) {
	s.version++
	b.Version, b.Modified = s.version, s.now()
}
