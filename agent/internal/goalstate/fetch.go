package goalstate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/protocol/secret"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Keeper is the history: it is told of every document of a goal state, by the names of the files in its folder. tag is the
// incarnation, followed by -<etag> where a vmSettings counts. It never fails.
type Keeper interface {
	Keep(tag, name string, document []byte)
}

// Fetcher finds out what the fabric wants. It is used by one goroutine.
type Fetcher struct {
	Wire *fabric.WireServer
	// Host gives vmSettings; nil: Fast Track is off.
	Host  *fabric.HostGA
	Certs certs.Store
	Files host.Files
	Dir   string // Lib.Dir
	// Profile downloads the artifacts profile; nil: nothing is ever on hold by it.
	Profile func(ctx context.Context, uri secret.Text) ([]byte, error)
	History Keeper // may be nil
	Period  time.Duration
	Events  event.Sink
	Log     *slog.Logger

	started   bool
	transport certs.Transport
	current   Wanted
	have      bool   // current is something
	inc       string // the incarnation whose documents are complete
	place     fabric.Place
	hosting   wireserver.HostingEnvironment
	certsURI  string
	certsDone bool
	certsNext time.Time // when to try again what failed
	certsWait time.Duration
	certs     []Certificate
	users     []User
	hasUsers  bool
	probes    []string
	fast      fastTrack
}

// Fetch asks the fabric once and returns the goal state in force: a new one when its ID differs from the last. With an
// error it still returns what was in force before, if anything: a fabric that cannot be asked has not changed its mind.
func (f *Fetcher) Fetch(ctx context.Context) (Wanted, error) {
	err := f.fetch(ctx, false)
	return f.wanted(), err
}

// Reset is Fetch with every document fetched again. It is for a goal state that lacks what its use needs.
func (f *Fetcher) Reset(ctx context.Context) (Wanted, error) {
	err := f.fetch(ctx, true)
	return f.wanted(), err
}

// Known reports whether a goal state has ever been complete.
func (f *Fetcher) Known() bool { return f.have }

// HostingEnvironment has the names that telemetry carries.
func (f *Fetcher) HostingEnvironment() wireserver.HostingEnvironment { return f.hosting }

// FastTrack reports whether vmSettings work, which the status blob advertises.
func (f *Fetcher) FastTrack() bool { return f.fast.works }

// Transport is the transport key pair in use.
func (f *Fetcher) Transport() (certs.Transport, error) {
	if f.transport.IsZero() {
		t, err := f.Certs.Transport()
		if err != nil {
			return t, err
		}
		f.transport = t
	}
	return f.transport, nil
}

// FetchCertificates fetches nothing but the goal state's certificates and unpacks them, which is all that provisioning
// needs for keys named by thumbprint.
func (f *Fetcher) FetchCertificates(ctx context.Context) ([]Certificate, error) {
	gs, _, err := f.Wire.GoalState(ctx)
	if err != nil {
		return nil, err
	}
	f.certsURI, f.certsDone = gs.Container.RoleInstances[0].Configuration.Certificates, false
	f.certificatesFailed(f.fetchCertificates(ctx, keeper{}))
	if !f.certsDone {
		return nil, errors.New("the goal state's certificates cannot be had")
	}
	return f.certs, nil
}

// wanted is the extensions goal state in force with what the other documents say.
func (f *Fetcher) wanted() Wanted {
	w := f.current
	w.Incarnation = f.inc
	w.ContainerID, w.RoleInstanceID, w.ConfigName = f.place.ContainerID, f.place.RoleInstanceID, f.place.ConfigName
	w.Certificates, w.Users, w.HasUsers, w.ProbePorts = f.certs, f.users, f.hasUsers, f.probes
	return w
}

func (f *Fetcher) fetch(ctx context.Context, force bool) error {
	if !f.started {
		f.started = true
		f.fast.restore(f)
	}
	gs, raw, err := f.Wire.GoalState(ctx)
	if err != nil {
		return err
	}
	f.place, f.probes = f.Wire.Identity.Place(), gs.Machine.LBProbePorts
	before := f.current.ID
	fast, fastErr := f.fast.ask(ctx, f, force)
	if force || gs.Incarnation != f.inc {
		err := f.renew(ctx, gs, raw, fast)
		if errors.Is(err, fabric.ErrResourceGone) {
			err = f.renewOvertaken(ctx, gs.Incarnation, fast, err)
		}
		if err != nil {
			return errors.Join(err, fastErr)
		}
	} else if fast != nil {
		f.adopt(*fast)
	}
	f.healCertificates(ctx)
	if f.current.ID != before && f.current.Source == FastTrack && f.missing() != "" && !force {
		return errors.Join(fastErr, f.waitForCertificate(ctx))
	}
	return fastErr
}

// documents are the parts of an incarnation.
type documents struct {
	extensions Wanted
	hosting    wireserver.HostingEnvironment
	shared     []byte
	users      []User
	hasUsers   bool
}

// renew fetches every document of gs and puts them in force together: after an error nothing has changed.
func (f *Fetcher) renew(ctx context.Context, gs wireserver.GoalState, raw []byte, fast *Wanted) error {
	conf := gs.Container.RoleInstances[0].Configuration
	f.Log.Info("Fetching new goal state", "incarnation", gs.Incarnation)
	k := keeper{f.History, gs.Incarnation}
	if newest := f.fast.newest; newest != nil {
		k.tag += "-" + newest.ETag
	}
	k.keep("GoalState.xml", raw)
	d, err := f.documents(ctx, gs, conf, k)
	if err != nil {
		return fmt.Errorf("fetch goal state %s: %w", gs.Incarnation, err)
	}
	f.certsURI, f.certsDone, f.certsWait = conf.Certificates, false, 0
	err = f.fetchCertificates(ctx, k)
	if errors.Is(err, fabric.ErrResourceGone) {
		if now, _, _ := f.Wire.GoalState(ctx); now.Incarnation != "" && now.Incarnation != gs.Incarnation {
			return fmt.Errorf("fetch goal state %s: %w", gs.Incarnation, err)
		}
	}
	f.certificatesFailed(err)
	if d.users, d.hasUsers, err = f.remoteAccess(ctx, gs.Container.RemoteAccessInfo, k); err != nil {
		return fmt.Errorf("fetch goal state %s: %w", gs.Incarnation, err)
	}
	if err := f.keepShared(d.shared); err != nil {
		return err
	}
	f.inc, f.hosting, f.users, f.hasUsers = gs.Incarnation, d.hosting, d.users, d.hasUsers
	f.choose(d.extensions, conf.ExtensionsConfig != "", fast)
	return nil
}

// renewOvertaken renews once more when a document was gone because the goal state that named it is no longer in force.
// The error is gone's if it still is.
func (f *Fetcher) renewOvertaken(ctx context.Context, incarnation string, fast *Wanted, gone error) error {
	gs, raw, err := f.Wire.GoalState(ctx)
	if err != nil {
		return errors.Join(gone, err)
	}
	if gs.Incarnation == incarnation {
		return gone
	}
	f.Log.Info("The goal state was overtaken while it was fetched", "incarnation", incarnation, "by", gs.Incarnation)
	f.place, f.probes = f.Wire.Identity.Place(), gs.Machine.LBProbePorts
	return f.renew(ctx, gs, raw, fast)
}

func (f *Fetcher) documents(ctx context.Context, gs wireserver.GoalState, conf wireserver.Configuration, k keeper) (documents, error) {
	d := documents{extensions: emptyFabric(gs.Incarnation)}
	if conf.ExtensionsConfig != "" {
		body, err := f.Wire.Document(ctx, conf.ExtensionsConfig)
		if err != nil {
			return d, err
		}
		k.keep("ExtensionsConfig.xml", body)
		var profile secret.Text
		if d.extensions, profile, err = ParseExtensionsConfig(body, gs.Incarnation); err != nil {
			return d, err
		}
		d.extensions.OnHold = f.onHold(ctx, profile)
	}
	if conf.HostingEnvironmentConfig != "" {
		body, err := f.Wire.Document(ctx, conf.HostingEnvironmentConfig)
		if err != nil {
			return d, err
		}
		k.keep("HostingEnvironmentConfig.xml", body)
		if err := fabric.DecodeXML(body, &d.hosting); err != nil {
			return d, fmt.Errorf("read hosting environment: %w", err)
		}
	}
	if conf.SharedConfig != "" {
		var err error
		if d.shared, err = f.Wire.Document(ctx, conf.SharedConfig); err != nil {
			return d, err
		}
		k.keep("SharedConfig.xml", d.shared)
	}
	return d, nil
}

// remoteAccess fetches the just-in-time users.
func (f *Fetcher) remoteAccess(ctx context.Context, uri string, k keeper) ([]User, bool, error) {
	if uri == "" {
		return nil, false, nil
	}
	t, err := f.Transport()
	if err != nil {
		return nil, false, err
	}
	body, err := f.Wire.Sealed(ctx, uri, t.Header(), wireserver.CipherAES)
	if err != nil {
		return nil, false, err
	}
	k.keep("RemoteAccess.xml", body)
	users, err := ParseRemoteAccess(body)
	return users, err == nil, err
}

// ParseRemoteAccess reads the just-in-time users.
func ParseRemoteAccess(doc []byte) ([]User, error) {
	var r wireserver.RemoteAccess
	if err := fabric.DecodeXML(doc, &r); err != nil {
		return nil, fmt.Errorf("read remote access: %w", err)
	}
	users := []User{}
	for _, u := range r.Users {
		users = append(users, User{Name: u.Name, Password: trimmed(u.Password), Expiration: u.Expiration})
	}
	return users, nil
}

// keeper puts documents of one goal state into the history, if there is one.
type keeper struct {
	history Keeper
	tag     string
}

func (k keeper) keep(name string, doc []byte) {
	if k.history != nil {
		k.history.Keep(k.tag, name, doc)
	}
}
