package fabricsim

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/internal/blobs"
	"github.com/waagent-go/waagent/fabricsim/internal/hostga"
	"github.com/waagent-go/waagent/fabricsim/internal/imds"
	"github.com/waagent-go/waagent/fabricsim/internal/wireserver"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// Fabric is one simulated fabric. Its handlers may serve on any number of listeners at once.
type Fabric struct {
	options  Options
	world    *world.World
	journal  *journal.Journal
	playbook fault.Playbook
	tls      *authority

	wireServer, hostGA, imds, blobs, control http.Handler
}

// Fabric implements the API's backend.
var _ control.Backend = (*Fabric)(nil)

// New makes a fabric without VMs.
func New(o Options) (*Fabric, error) {
	if o.BlobURL == "" {
		o.BlobURL = "https://{account}." + BlobDomain
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	j, err := journal.New(o.JournalSize, o.JournalFile)
	if err != nil {
		return nil, err
	}
	f := &Fabric{options: o, world: world.New(), journal: j}
	if f.tls, err = newAuthority(time.Now()); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	if o.NewKey != nil {
		f.world.NewKey = o.NewKey
	}
	if o.DNS != nil {
		o.DNS.Wildcard(BlobDomain, netip.MustParseAddr(BlobIP))
	}
	if o.KeepEvents > 0 {
		f.world.KeepEvents = o.KeepEvents
	}
	key := make([]byte, 32)
	rand.Read(key)
	f.world.Blobs = blobs.NewStore(o.BlobURL, key, time.Now, f.blobWritten)

	f.wireServer = f.surface("wireserver", wireserver.ErrorBody, (&wireserver.Server{World: f.world, Who: f.who}).Routes())
	f.hostGA = f.surface("hostga", hostga.ErrorBody, (&hostga.Server{World: f.world, Who: f.who}).Routes())
	f.imds = f.surface("imds", imds.ErrorBody, (&imds.Server{
		World: f.world, Who: f.who, Signer: sync.OnceValues(f.tls.metadataSigner), // few guests ask for one
	}).Routes())
	f.blobs = f.surface("blobs", blobs.ErrorBody, blobRoutes(f.world.Blobs))
	f.control = control.Handler(f)
	return f, nil
}

// Close closes the journal's file. Requests still being answered are the caller's to wait for.
func (f *Fabric) Close() error { return f.journal.Close() }

// WireServer serves 168.63.129.16:80.
func (f *Fabric) WireServer() http.Handler { return f.wireServer }

// HostGA serves 168.63.129.16:32526.
func (f *Fabric) HostGA() http.Handler { return f.hostGA }

// IMDS serves 169.254.169.254:80.
func (f *Fabric) IMDS() http.Handler { return f.imds }

// Blobs serves blob storage, over TLS with TLSConfig or plain.
func (f *Fabric) Blobs() http.Handler { return f.blobs }

// Control serves the API under /v1/.
func (f *Fabric) Control() http.Handler { return f.control }

// Journal is the memory of every request.
func (f *Fabric) Journal() *journal.Journal { return f.journal }

// surface wraps a surface's routes: recorded, cut off if asked, spoilt by the playbook.
func (f *Fabric) surface(name string, body fault.ErrorBody, routes *mux.Router) http.Handler {
	routes.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			route := mux.CurrentRoute(r).GetName()
			if route == "blob" {
				route = blobs.Operation(r)
			}
			journal.Of(r.Context()).Route(route)
			f.playbook.Serve(w, r, route, f.who(r), body, next)
		})
	})
	return f.journal.Record(name, f.who, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.world.IsCutOff(name) {
			journal.Of(r.Context()).Fault("cut off")
			fault.Refuse(w)
			return
		}
		routes.ServeHTTP(w, r)
	}))
}

func blobRoutes(s *blobs.Store) *mux.Router {
	r := mux.NewRouter().SkipClean(true)
	r.PathPrefix("/").Handler(s).Name("blob")
	return r
}

// unfinished reports whether the last page of a page blob is still to be written.
func unfinished(data []byte) bool {
	return len(data) >= 512 && len(bytes.Trim(data[len(data)-512:], "\x00")) == 0
}

// blobWritten looks at what was uploaded: a status blob is news of its VM.
func (f *Fabric) blobWritten(ctx context.Context, b blobs.Blob) {
	via := "direct"
	if hostga.ViaHost(ctx) {
		via = "host"
	}
	if b.Kind == blobs.Page && unfinished(b.Data) {
		return
	}
	known, err := f.world.StatusWritten(b.Account, b.Path, via, b.Data)
	switch p := journal.Of(ctx); {
	case err != nil:
		p.Reject(err.Error())
	case known:
		p.Note("status blob")
	}
}
