package guesthelper

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Serve answers requests on port until reading it fails. Requests run side by side.
func Serve(ctx context.Context, port io.ReadWriter, bootID string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{out: port, running: map[uint64]context.CancelFunc{}}
	// The host may have half a line of the previous boot in its hands: end that one first.
	if _, err := io.WriteString(port, "\n"); err != nil {
		return err
	}
	if err := s.send(Hello{Hello: bootID}); err != nil {
		return err
	}
	in := bufio.NewReaderSize(port, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return err
		}
		var req Request
		if json.Unmarshal(line, &req) == nil {
			s.begin(ctx, req)
		}
	}
}

type server struct {
	mu      sync.Mutex
	out     io.Writer
	running map[uint64]context.CancelFunc
}

func (s *server) send(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.out.Write(append(line, '\n'))
	return err
}

// begin starts one request. A cancel request has no answer of its own: the cancelled one is answered.
func (s *server) begin(ctx context.Context, req Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.Op == "cancel" {
		if stop := s.running[req.ID]; stop != nil {
			stop()
		}
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	s.running[req.ID] = cancel
	go func() {
		resp := perform(ctx, req)
		cancel()
		s.mu.Lock()
		delete(s.running, req.ID)
		s.mu.Unlock()
		resp.ID = req.ID
		s.send(resp) //nolint:errcheck // a broken port ends Serve by itself
	}()
}

func perform(ctx context.Context, req Request) Response {
	switch req.Op {
	case "ping":
		return Response{}
	case "exec":
		return execute(ctx, req)
	case "read":
		data, err := os.ReadFile(req.Path)
		return answer(Response{Data: data}, err)
	case "write":
		return answer(Response{}, writeFile(req.Path, req.Data, fs.FileMode(req.Mode)))
	}
	return Response{Error: "no operation " + req.Op}
}

func answer(r Response, err error) Response {
	if err != nil {
		r.Error, r.NotExist = err.Error(), errors.Is(err, fs.ErrNotExist)
	}
	return r
}

// writeFile replaces a file at once, so that nobody in the guest reads half of it, and makes the folders above it.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // nothing left to remove once renamed
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
