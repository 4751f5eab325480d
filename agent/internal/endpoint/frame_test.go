package endpoint

import (
	"encoding/binary"
	"net"
	"os"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
)

var mac = net.HardwareAddr{0, 0x0d, 0x3a, 1, 2, 3}

// toClient turns a request's frame into one that a client would receive.
func toClient(f []byte) []byte {
	binary.BigEndian.PutUint16(f[etherSize+ipSize+2:], clientPort)
	return f
}

func TestAFrameHasTheRightHeaders(t *testing.T) {
	t.Parallel()
	f := frame(mac, []byte("hello"))
	assert.Equal(t, len(f), 14+20+8+5)
	assert.DeepEqual(t, f[:14], []byte{255, 255, 255, 255, 255, 255, 0, 0x0d, 0x3a, 1, 2, 3, 8, 0})
	assert.Equal(t, checksum(f[14:34]), uint16(0)) // over a right header the sum is nothing
	assert.DeepEqual(t, f[26:34], []byte{0, 0, 0, 0, 255, 255, 255, 255})
	_, ok := unframe(f)
	assert.Assert(t, !ok) // it is for a server
	payload, ok := unframe(toClient(f))
	assert.Assert(t, ok)
	assert.Equal(t, string(payload), "hello")
}

func TestFramesGoOutAndComeInWithoutAnAddress(t *testing.T) {
	t.Parallel()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip("no loopback interface: ", err)
	}
	f, err := host.OpenEthernet(lo.Index)
	if err != nil {
		t.Skip("no packet sockets here: ", err)
	}
	conn := ethernet{f, mac}
	defer conn.Close()
	other, err := host.OpenEthernet(lo.Index)
	assert.NilError(t, err)
	defer other.Close()
	_, err = other.Write(toClient(frame(mac, []byte("an answer"))))
	assert.NilError(t, err)
	assert.NilError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	buffer := make([]byte, 100)
	n, _, err := conn.ReadFrom(buffer)
	assert.NilError(t, err)
	assert.Equal(t, string(buffer[:n]), "an answer")
	assert.NilError(t, conn.SetReadDeadline(time.Now().Add(-time.Second)))
	_, _, err = conn.ReadFrom(buffer)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func FuzzUnframe(f *testing.F) {
	f.Add(toClient(frame(mac, []byte("x"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		payload, ok := unframe(data)
		if !ok || len(payload) > 1400 {
			return
		}
		again, ok := unframe(toClient(frame(mac, payload)))
		assert.Assert(t, ok)
		assert.Equal(t, string(again), string(payload))
	})
}
