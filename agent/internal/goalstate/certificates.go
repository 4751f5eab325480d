package goalstate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// fetchCertificates fetches and unpacks the certificates, first under AES, then under 3DES. Its failure, for
// certificatesFailed to take note of, does not stop the goal state: not every extension needs one. It is tried again later.
func (f *Fetcher) fetchCertificates(ctx context.Context, k keeper) error {
	if f.certsURI == "" {
		f.certs, f.certsDone = nil, true
		return nil
	}
	t, err := f.Transport()
	if err != nil {
		return err
	}
	var failures []error
	for _, cipher := range []string{wireserver.CipherAES, wireserver.Cipher3DES} {
		pairs, err := f.unpack(ctx, t, cipher)
		if err == nil || errors.Is(err, certs.ErrNoCertificates) {
			f.certs, f.certsDone = summary(pairs), true
			f.Log.Info("Unpacked the goal state's certificates", "certificates", len(f.certs))
			if doc, err := json.Marshal(f.certs); err == nil {
				k.keep("Certificates.json", doc)
			}
			return nil
		}
		failures = append(failures, err)
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil // asked to stop: nothing failed
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

func (f *Fetcher) unpack(ctx context.Context, t certs.Transport, cipher string) ([]certs.Pair, error) {
	body, err := f.Wire.Sealed(ctx, f.certsURI, t.Header(), cipher)
	if err != nil {
		return nil, err
	}
	return f.Certs.Unpack(t, body)
}

// certificatesFailed takes note of a failure, if err is one, and of when to try again.
func (f *Fetcher) certificatesFailed(err error) {
	if err == nil {
		return
	}
	f.Log.Error("Cannot fetch the goal state's certificates", "error", err)
	f.Events.Add(event.Event{Operation: "GoalStateCertificates", Message: err.Error()})
	f.certsWait = min(max(2*f.certsWait, firstRetry), lastRetry)
	f.certsNext = time.Now().Add(f.certsWait)
}

// Certificates that could not be had are asked for again after such pauses: a try may hold up the goal state for a
// minute.
const (
	firstRetry = 30 * time.Second
	lastRetry  = 10 * time.Minute
)

func summary(pairs []certs.Pair) []Certificate {
	list := []Certificate{}
	for _, p := range pairs {
		list = append(list, Certificate{Thumbprint: p.Thumbprint, HasPrivateKey: p.Key != nil})
	}
	return list
}

// healCertificates tries again what failed, and fetches again what somebody removed from the disk.
func (f *Fetcher) healCertificates(ctx context.Context) {
	lost := slices.ContainsFunc(f.certs, func(c Certificate) bool { return !f.Certs.Has(c.Thumbprint) })
	if f.have && (!f.certsDone || lost) && !time.Now().Before(f.certsNext) {
		f.certificatesFailed(f.fetchCertificates(ctx, keeper{}))
	}
}

// missing is the first certificate that protected settings need and the goal state does not bring, or "".
func (f *Fetcher) missing() string {
	for _, h := range f.current.Handlers {
		for _, s := range h.Settings {
			if s.Protected.IsZero() || slices.ContainsFunc(f.certs, func(c Certificate) bool {
				return strings.EqualFold(c.Thumbprint, s.Thumbprint)
			}) {
				continue
			}
			return s.Thumbprint
		}
	}
	return ""
}

// waitForCertificate fetches everything again, at once and after a period, when a Fast Track goal state uses a
// certificate that its Fabric half has yet to bring, as after a VM wakes from hibernation.
func (f *Fetcher) waitForCertificate(ctx context.Context) error {
	for try := range 2 {
		if try > 0 {
			if err := fabric.Sleep(ctx, f.Period); err != nil {
				return err
			}
		}
		f.Log.Info("A certificate of the goal state is missing, fetching all of it again", "thumbprint", f.missing())
		if err := f.fetch(ctx, true); err != nil {
			return err
		}
		if f.missing() == "" {
			return nil
		}
	}
	f.Log.Warn("Going on without a certificate that protected settings need", "thumbprint", f.missing())
	return nil
}

// keepShared writes SharedConfig.xml for other programs, and the placeholder whose presence some check.
func (f *Fetcher) keepShared(doc []byte) error {
	const placeholder = "<?xml version=\"1.0\" encoding=\"utf-8\"?><GoalState/>\n"
	for name, data := range map[string][]byte{"SharedConfig.xml": doc, "GoalState.1.xml": []byte(placeholder)} {
		file := path.Join(f.Dir, name)
		if old, err := f.Files.ReadFile(file); err == nil && bytes.Equal(old, data) || data == nil {
			continue
		}
		if err := f.Files.WriteAtomic(file, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
