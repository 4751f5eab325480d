package hostname

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"gotest.tools/v3/assert"
)

var mac = net.HardwareAddr{0, 0x15, 0x5d, 1, 2, 3}

func TestTheRequestIsARenewalWithTheName(t *testing.T) {
	t.Parallel()
	p, err := dhcpv4.FromBytes(request(7, netip.MustParseAddr("10.0.0.4"), mac, "web01"))
	assert.NilError(t, err)
	assert.Equal(t, p.MessageType(), dhcpv4.MessageTypeRequest)
	assert.Equal(t, p.ClientIPAddr.String(), "10.0.0.4")
	assert.Equal(t, p.ClientHWAddr.String(), mac.String())
	assert.Equal(t, p.HostName(), "web01")
	assert.Assert(t, p.ServerIdentifier() == nil) // any server may renew
}

// server answers what is written to it.
type server struct {
	net.PacketConn
	answers []dhcpv4.MessageType // one per request; 0 says nothing
	asked   int
	reply   []byte
	limit   time.Time
}

func (s *server) WriteTo(b []byte, _ net.Addr) (int, error) {
	p, err := dhcpv4.FromBytes(b)
	if err != nil {
		return 0, err
	}
	s.reply = nil
	if t := s.answers[s.asked]; t != 0 {
		r, err := dhcpv4.NewReplyFromRequest(p, dhcpv4.WithMessageType(t))
		if err != nil {
			return 0, err
		}
		s.reply = r.ToBytes()
	}
	s.asked++
	return len(b), nil
}

func (s *server) ReadFrom(b []byte) (int, net.Addr, error) {
	if s.reply == nil {
		time.Sleep(time.Until(s.limit))
		return 0, nil, os.ErrDeadlineExceeded
	}
	return copy(b, s.reply), nil, nil
}

func (s *server) SetReadDeadline(t time.Time) error { s.limit = t; return nil }
func (s *server) Close() error                      { return nil }

func TestAnnouncingIsRepeatedUntilAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		packet := request(9, netip.MustParseAddr("10.0.0.4"), mac, "web01")
		s := &server{answers: []dhcpv4.MessageType{0, dhcpv4.MessageTypeAck}}
		assert.NilError(t, announce(t.Context(), s, packet))
		assert.Equal(t, s.asked, 2)

		s = &server{answers: []dhcpv4.MessageType{dhcpv4.MessageTypeNak}}
		assert.ErrorContains(t, announce(t.Context(), s, packet), "refuses")

		s = &server{answers: []dhcpv4.MessageType{0, 0, 0}}
		assert.Assert(t, errors.Is(announce(t.Context(), s, packet), os.ErrDeadlineExceeded))
	})
}

func FuzzAnswer(f *testing.F) {
	ask, err := dhcpv4.FromBytes(request(7, netip.MustParseAddr("10.0.0.4"), mac, "web01"))
	assert.NilError(f, err)
	yes, err := dhcpv4.NewReplyFromRequest(ask, dhcpv4.WithMessageType(dhcpv4.MessageTypeAck))
	assert.NilError(f, err)
	f.Add(yes.ToBytes())
	f.Add(ask.ToBytes())
	f.Fuzz(func(t *testing.T, p []byte) {
		if kind := answerType(p, ask.TransactionID[:]); kind != 0 {
			assert.Assert(t, len(p) > options && p[0] == 2)
		}
		assert.Equal(t, answerType(p, []byte{1, 2, 3, 4, 5}), byte(0))
	})
}
