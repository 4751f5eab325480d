package fabricsim

import (
	"context"
	"crypto"
	"net"
	"net/netip"
)

// DNS is what a fabric tells names to; *dns.Records is one.
type DNS interface {
	Wildcard(domain string, addr netip.Addr)
	Register(name string, addr netip.Addr)
}

// Options say how a fabric is set up. The zero value is a fabric with a blob storage at its real name and nothing
// kept on disk.
type Options struct {
	// BlobURL is how URLs of blobs start: with {account} in it, or for a single host, say http://127.0.0.1:8080, with
	// the account in the path behind it. "" is https://{account}.blob.fabricsim.test.
	BlobURL string
	// JournalSize is how many entries stay in memory (0: journal.DefaultSize); JournalFile keeps all of them if given.
	JournalSize int
	JournalFile string
	// KeepEvents is how many telemetry events are kept per VM (0: 1000).
	KeepEvents int
	// NewKey makes the keys of tenant certificates (nil: RSA of 2048 bits). A swarm may share one.
	NewKey func() (crypto.Signer, error)
	// Dial reaches guests from the fabric's side of their network (nil: a net.Dialer).
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// DNS is told the names of blob storage and of VMs; nil for none.
	DNS DNS
}
