package vnet

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
)

const (
	minFrame = 14              // an Ethernet header
	maxFrame = 64<<10 + 14 + 4 // QEMU may hand over segments the guest did not split
	backlog  = 512             // frames waiting for a guest that does not read
)

// plug stands between a guest and the switch. It lets only whole, honest frames in (see admits), and it never lets a
// guest that is stopped or slow hold up the others: frames for it wait in a queue and are dropped when that is full,
// as on any wire.
type plug struct {
	net.Conn
	nic    *NIC
	ctx    context.Context
	cancel context.CancelFunc
	in     *bufio.Reader
	rest   []byte // of the frame being read by the switch
	out    chan []byte
	once   sync.Once
}

func newPlug(ctx context.Context, c net.Conn, nic *NIC) *plug {
	p := &plug{Conn: c, nic: nic, in: bufio.NewReaderSize(c, maxFrame), out: make(chan []byte, backlog)}
	p.ctx, p.cancel = context.WithCancel(ctx)
	context.AfterFunc(p.ctx, func() { c.Close() })
	nic.net.wg.Go(p.drain)
	return p
}

// Read hands the switch the next admitted frame, its length first.
func (p *plug) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		frame, err := readFrame(p.in)
		if err != nil {
			// The switch reports a read error to a log of its own, and leaving is no error. Ending the context and
			// giving it one last frame that goes nowhere makes it leave quietly.
			p.cancel()
			frame = nowhere(p.nic.MAC)
		} else if !p.nic.admits(frame) {
			continue
		}
		p.rest = append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Write queues one frame for the guest. It does not fail: what cannot be queued is lost.
func (p *plug) Write(b []byte) (int, error) {
	select {
	case p.out <- append([]byte(nil), b...):
	default:
	}
	return len(b), nil
}

func (p *plug) drain() {
	for {
		select {
		case <-p.ctx.Done():
			return
		case frame := <-p.out:
			if _, err := p.Conn.Write(frame); err != nil {
				p.cancel()
				return
			}
		}
	}
}

// Close may be called by the switch and by us.
func (p *plug) Close() error {
	p.once.Do(p.cancel)
	return nil
}

// readFrame reads one frame of QEMU's stream framing.
func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxFrame {
		return nil, io.ErrShortBuffer
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

// nowhere is an empty frame to an address nobody has.
func nowhere(from net.HardwareAddr) []byte {
	return append(append(make([]byte, 6, minFrame), from...), 0x88, 0xb5)
}
