package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// qmp is QEMU's control connection. QEMU dials it.
type qmp struct {
	l *net.UnixListener

	mu    sync.Mutex // one command at a time
	conn  net.Conn
	in    *bufio.Reader
	ready chan struct{} // closed when QEMU has connected, or never will
	err   error
}

type qmpReply struct {
	Greeting json.RawMessage `json:"QMP"`
	Event    string          `json:"event"`
	Return   json.RawMessage `json:"return"`
	Error    *struct{ Class, Desc string }
}

func listenQMP(path string) (*qmp, error) {
	l, err := listenUnix(path)
	if err != nil {
		return nil, err
	}
	q := &qmp{l: l, ready: make(chan struct{})}
	go q.connect()
	return q, nil
}

func (q *qmp) connect() {
	defer close(q.ready)
	conn, err := q.l.Accept()
	q.l.Close()
	if err != nil {
		q.err = err
		return
	}
	q.conn, q.in = conn, bufio.NewReader(conn)
	if _, err := q.next(); err != nil { // its greeting
		q.err = err
		return
	}
	_, q.err = q.roundTrip("qmp_capabilities", nil)
}

// do runs one command and returns what it answered.
func (q *qmp) do(ctx context.Context, command string, arguments any) (json.RawMessage, error) {
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-q.ready:
	}
	if q.err != nil {
		return nil, q.err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { q.conn.Close() })
	defer stop()
	reply, err := q.roundTrip(command, arguments)
	if err != nil {
		return nil, fmt.Errorf("QMP %s: %w", command, err)
	}
	return reply, nil
}

func (q *qmp) roundTrip(command string, arguments any) (json.RawMessage, error) {
	ask := map[string]any{"execute": command}
	if arguments != nil {
		ask["arguments"] = arguments
	}
	if err := json.NewEncoder(q.conn).Encode(ask); err != nil {
		return nil, err
	}
	for {
		reply, err := q.next()
		switch {
		case err != nil:
			return nil, err
		case reply.Error != nil:
			return nil, errors.New(reply.Error.Desc)
		case reply.Return != nil:
			return reply.Return, nil
		}
	}
}

func (q *qmp) next() (qmpReply, error) {
	line, err := q.in.ReadBytes('\n')
	if err != nil {
		return qmpReply{}, err
	}
	var r qmpReply
	return r, json.Unmarshal(line, &r)
}

func (q *qmp) Close() error {
	if q == nil {
		return nil
	}
	err := q.l.Close()
	<-q.ready
	if q.conn != nil {
		err = q.conn.Close()
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func listenUnix(path string) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return l, nil
}
