package qemu

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"

	"github.com/waagent-go/waagent/scenarios/internal/guesthelper"
)

// errRebooted fails what a reboot cut off.
var errRebooted = errors.New("the guest restarted meanwhile")

// helper is the host's end of the guest helper's port.
type helper struct {
	l *net.UnixListener

	mu      sync.Mutex
	conn    net.Conn
	last    uint64
	open    map[uint64]chan guesthelper.Response
	boot    string        // id of the boot whose helper spoke last
	changed chan struct{} // closed and replaced when boot or err changes
	err     error         // why nobody answers any more
	wmu     sync.Mutex    // keeps lines whole
}

func listenHelper(path string) (*helper, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	h := &helper{l: l, open: map[uint64]chan guesthelper.Response{}, changed: make(chan struct{})}
	go h.run()
	return h, nil
}

// run serves one QEMU after the other.
func (h *helper) run() {
	for {
		conn, err := h.l.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conn = conn
		h.mu.Unlock()
		h.read(conn)
		conn.Close()
		h.mu.Lock()
		h.reset("")
		h.mu.Unlock()
	}
}

// fail ends all waiting, now and later, because no guest will answer any more; nil lets them wait again.
func (h *helper) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	h.reset("")
}

func (h *helper) read(conn net.Conn) {
	in := bufio.NewReaderSize(conn, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		h.handle(line)
	}
}

// handle takes one line: a Hello, a Response, or the rest of something that a reboot cut off.
func (h *helper) handle(line []byte) {
	var msg struct {
		guesthelper.Hello
		guesthelper.Response
	}
	if json.Unmarshal(line, &msg) != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if msg.Hello.Hello != "" {
		h.reset(msg.Hello.Hello)
		return
	}
	if ch := h.open[msg.ID]; ch != nil {
		delete(h.open, msg.ID)
		ch <- msg.Response
	}
}

// reset starts a new boot: whatever was asked in the last one is lost.
func (h *helper) reset(boot string) {
	for id, ch := range h.open {
		delete(h.open, id)
		close(ch)
	}
	h.boot = boot
	close(h.changed)
	h.changed = make(chan struct{})
}

// await returns the id of the running boot once that is another than old.
func (h *helper) await(ctx context.Context, old string) (string, error) {
	for {
		h.mu.Lock()
		boot, err, changed := h.boot, h.err, h.changed
		h.mu.Unlock()
		switch {
		case err != nil:
			return "", err
		case boot != "" && boot != old:
			return boot, nil
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-changed:
		}
	}
}

// do asks for one thing and waits for the answer. When ctx ends first, the helper is told to give it up.
func (h *helper) do(ctx context.Context, req guesthelper.Request) (guesthelper.Response, error) {
	if _, err := h.await(ctx, ""); err != nil {
		return guesthelper.Response{}, err
	}
	answer := make(chan guesthelper.Response, 1)
	h.mu.Lock()
	h.last++
	req.ID = h.last
	h.open[req.ID] = answer
	h.mu.Unlock()
	if err := h.send(req); err != nil {
		return guesthelper.Response{}, errors.Join(errRebooted, err)
	}
	select {
	case <-ctx.Done():
		h.mu.Lock()
		delete(h.open, req.ID)
		h.mu.Unlock()
		go h.send(guesthelper.Request{ID: req.ID, Op: "cancel"}) //nolint:errcheck // the guest may be gone
		return guesthelper.Response{}, context.Cause(ctx)
	case resp, ok := <-answer:
		if !ok {
			return guesthelper.Response{}, h.lost()
		}
		return resp, nil
	}
}

// lost says why an answer will not come.
func (h *helper) lost() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return cmp.Or(h.err, errRebooted)
}

func (h *helper) send(req guesthelper.Request) error {
	line, err := json.Marshal(req)
	if err != nil {
		return err
	}
	h.wmu.Lock()
	defer h.wmu.Unlock()
	h.mu.Lock()
	conn := h.conn
	h.mu.Unlock()
	_, err = conn.Write(append(line, '\n'))
	return err
}

func (h *helper) Close() error {
	if h == nil {
		return nil
	}
	err := h.l.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil {
		h.conn.Close()
	}
	return err
}
