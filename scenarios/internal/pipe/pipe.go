// Package pipe joins two ends in memory with room between them, as a socket has: a peer that writes before the other
// reads is not stopped. It has no file descriptors and waits on channels only, so it works under testing/synctest.
package pipe

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// room is how many bytes a direction holds.
const room = 64 << 10

// New makes both ends of a connection.
func New() (net.Conn, net.Conn) {
	there, back := newFlow(), newFlow()
	return &end{in: back, out: there}, &end{in: there, out: back}
}

// flow is one direction.
type flow struct {
	mu      sync.Mutex
	data    []byte
	closed  bool          // no more will be written
	gone    bool          // nobody will read
	changed chan struct{} // closed and replaced at every change
}

func newFlow() *flow { return &flow{changed: make(chan struct{})} }

// change is called with the lock held.
func (f *flow) change() {
	close(f.changed)
	f.changed = make(chan struct{})
}

type end struct {
	in, out *flow

	mu          sync.Mutex
	read, write deadline
}

// deadline is a moment and the channel that is closed when it comes or is moved.
type deadline struct {
	at    time.Time
	moved chan struct{}
}

func (e *end) deadline(d *deadline) (at time.Time, moved chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d.moved == nil {
		d.moved = make(chan struct{})
	}
	return d.at, d.moved
}

func (e *end) Read(p []byte) (int, error) {
	for {
		e.in.mu.Lock()
		switch {
		case len(e.in.data) > 0:
			n := copy(p, e.in.data)
			e.in.data = e.in.data[n:]
			e.in.change()
			e.in.mu.Unlock()
			return n, nil
		case e.in.gone:
			e.in.mu.Unlock()
			return 0, net.ErrClosed
		case e.in.closed:
			e.in.mu.Unlock()
			return 0, io.EOF
		}
		changed := e.in.changed
		e.in.mu.Unlock()
		if err := e.wait(changed, &e.read); err != nil {
			return 0, err
		}
	}
}

func (e *end) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		e.out.mu.Lock()
		switch free := room - len(e.out.data); {
		case e.out.closed:
			e.out.mu.Unlock()
			return written, net.ErrClosed
		case e.out.gone:
			e.out.mu.Unlock()
			return written, io.ErrClosedPipe
		case free > 0:
			n := min(free, len(p)-written)
			e.out.data = append(e.out.data, p[written:written+n]...)
			written += n
			e.out.change()
			e.out.mu.Unlock()
			continue
		}
		changed := e.out.changed
		e.out.mu.Unlock()
		if err := e.wait(changed, &e.write); err != nil {
			return written, err
		}
	}
	return written, nil
}

// wait returns when something changed or the deadline was moved, and fails when it is over.
func (e *end) wait(changed chan struct{}, d *deadline) error {
	at, moved := e.deadline(d)
	var over <-chan time.Time
	if !at.IsZero() {
		left := time.Until(at)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		t := time.NewTimer(left)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-changed:
	case <-moved:
	case <-over:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Close ends both directions; what was written is still read by the other end.
func (e *end) Close() error {
	e.out.mu.Lock()
	e.out.closed = true
	e.out.change()
	e.out.mu.Unlock()
	e.in.mu.Lock()
	e.in.gone, e.in.data = true, nil
	e.in.change()
	e.in.mu.Unlock()
	return nil
}

func (e *end) set(d *deadline, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d.at = at
	if d.moved != nil {
		close(d.moved)
		d.moved = nil
	}
}

func (e *end) SetDeadline(at time.Time) error {
	e.set(&e.read, at)
	e.set(&e.write, at)
	return nil
}

func (e *end) SetReadDeadline(at time.Time) error  { e.set(&e.read, at); return nil }
func (e *end) SetWriteDeadline(at time.Time) error { e.set(&e.write, at); return nil }
func (e *end) LocalAddr() net.Addr                 { return addr{} }
func (e *end) RemoteAddr() net.Addr                { return addr{} }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "memory" }
