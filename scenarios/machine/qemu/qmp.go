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

// qmp is QEMU's control connection. QEMU dials it, and another QEMU dials it again after a restart of the machine.
type qmp struct {
	l     *net.UnixListener
	event func(name string, data json.RawMessage) // told of each event, in order

	turn    sync.Mutex // one command at a time
	mu      sync.Mutex
	conn    *qmpConn
	changed chan struct{} // closed and replaced when conn changes
}

type qmpConn struct {
	net.Conn
	replies chan qmpReply
	done    chan struct{} // closed when all it said has been dealt with
}

type qmpReply struct {
	Event  string          `json:"event"`
	Data   json.RawMessage `json:"data"`
	Return json.RawMessage `json:"return"`
	Error  *struct{ Class, Desc string }
}

func listenQMP(path string, event func(string, json.RawMessage)) (*qmp, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	q := &qmp{l: l, event: event, changed: make(chan struct{})}
	go q.run()
	return q, nil
}

func (q *qmp) run() {
	for {
		conn, err := q.l.Accept()
		if err != nil {
			return
		}
		c := &qmpConn{Conn: conn, replies: make(chan qmpReply, 1), done: make(chan struct{})}
		q.set(c)
		q.read(c)
		close(c.done)
		conn.Close()
	}
}

func (q *qmp) set(c *qmpConn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.conn = c
	close(q.changed)
	q.changed = make(chan struct{})
}

// read deals with what QEMU says. The first line is a greeting, whose answer every connection begins with.
func (q *qmp) read(c *qmpConn) {
	in := bufio.NewReader(c)
	if _, err := in.ReadBytes('\n'); err != nil {
		return
	}
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var r qmpReply
		switch err := json.Unmarshal(line, &r); {
		case err != nil:
		case r.Event != "":
			q.event(r.Event, r.Data)
		default:
			c.replies <- r
		}
	}
}

// current waits for the connection of the running QEMU.
func (q *qmp) current(ctx context.Context) (*qmpConn, error) {
	for {
		q.mu.Lock()
		c, changed := q.conn, q.changed
		q.mu.Unlock()
		if c != nil {
			select {
			case <-c.done:
			default:
				return c, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-changed:
		}
	}
}

// begin opens the conversation with a QEMU that has just started: before that, it tells no events.
func (q *qmp) begin(ctx context.Context) error {
	_, err := q.do(ctx, "qmp_capabilities", nil)
	return err
}

// drained waits until all that the last QEMU said has been dealt with.
func (q *qmp) drained() {
	q.mu.Lock()
	c := q.conn
	q.mu.Unlock()
	if c != nil {
		<-c.done
	}
}

// do runs one command and returns what it answered.
func (q *qmp) do(ctx context.Context, command string, arguments any) (json.RawMessage, error) {
	q.turn.Lock()
	defer q.turn.Unlock()
	c, err := q.current(ctx)
	if err != nil {
		return nil, fmt.Errorf("QMP %s: %w", command, err)
	}
	ask := map[string]any{"execute": command}
	if arguments != nil {
		ask["arguments"] = arguments
	}
	if err := json.NewEncoder(c).Encode(ask); err != nil {
		return nil, fmt.Errorf("QMP %s: %w", command, err)
	}
	select {
	case <-ctx.Done():
		c.Close() // an answer that comes later would be taken for the next command's
		return nil, fmt.Errorf("QMP %s: %w", command, context.Cause(ctx))
	case <-c.done:
		return nil, fmt.Errorf("QMP %s: %w", command, net.ErrClosed)
	case r := <-c.replies:
		if r.Error != nil {
			return nil, fmt.Errorf("QMP %s: %w", command, errors.New(r.Error.Desc))
		}
		return r.Return, nil
	}
}

func (q *qmp) Close() error {
	if q == nil {
		return nil
	}
	err := q.l.Close()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.conn != nil {
		q.conn.Close()
	}
	return err
}
