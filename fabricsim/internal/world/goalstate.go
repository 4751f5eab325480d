package world

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/internal/blobs"
	"github.com/waagent-go/waagent/fabricsim/internal/documents"
	"github.com/waagent-go/waagent/fabricsim/internal/tenant"
)

// The storage accounts of a fabric. Packages can be read by everybody, as on Azure.
const (
	statusAccount  = "md-status"
	packageAccount = "packages"
)

// SetGoalState makes s what is wanted of a VM: a new incarnation, or for Fast Track a new ETag.
func (w *World) SetGoalState(id string, s goal.State) error {
	if err := s.Check(); err != nil {
		return err
	}
	protect, err := w.protector(id, s)
	if err != nil {
		return err
	}
	return w.update(id, func(v *vm) error {
		if err := w.storePackages(v, s); err != nil {
			return err
		}
		return w.setGoalState(v, s, protect)
	})
}

func (w *World) setGoalState(v *vm, s goal.State, protect protector) error {
	if s.Families == nil {
		s.Families = []goal.Family{{Name: "Prod"}}
	}
	g := documents.Goal{
		State: s, Incarnation: v.incarnation, Created: w.created(v, s), PluginVersion: v.spec.PluginVersion, Protect: protect,
		ManifestURLs: w.manifestURLs(v), FamilyURLs: w.familyURLs(v, s),
	}
	v.statusPath = fmt.Sprintf("$system/%s.%s.status", v.spec.Name, v.spec.VMID)
	w.statusOf[v.statusPath] = v.spec.ID
	if s.StatusBlob != "none" {
		expires := s.StatusExpires
		if expires.IsZero() {
			expires = blobs.Forever()
		}
		g.StatusURL = w.Blobs.SignedURL(statusAccount, v.statusPath, "rw", expires)
	}
	if s.Channel == goal.Fabric {
		g.Incarnation++
		if err := w.setFabric(v, &g); err != nil {
			return err
		}
		v.incarnation = g.Incarnation
	}
	v.svd++
	g.SvdSeqNo = v.svd
	source := map[goal.Channel]string{goal.Fabric: "Fabric", goal.FastTrack: "FastTrack"}[s.Channel]
	text, err := documents.VMSettings(v.identity(), g, source)
	if err != nil {
		return err
	}
	v.etag++
	v.was = v.settings
	v.settings = &Settings{Goal: g, Source: source, ETag: strconv.FormatInt(v.etag, 10), JSON: text}
	v.fastTracking = s.Channel == goal.FastTrack
	return nil
}

func (w *World) setFabric(v *vm, g *documents.Goal) error {
	if g.State.OnHold {
		path := fmt.Sprintf("$system/%s.%s.vmSettings", v.spec.Name, v.spec.VMID)
		w.Blobs.PutPage(statusAccount, path, []byte(documents.Profile(g.State)))
		g.ProfileURL = w.Blobs.SignedURL(statusAccount, path, "r", blobs.Forever())
	}
	text, err := documents.ExtensionsConfig(*g)
	if err != nil {
		return err
	}
	v.earlier = v.fabric
	v.fabric = &Documents{Goal: *g, ExtensionsConfig: text}
	return nil
}

// created is the goal state's time stamp, later than any before unless the state names one.
func (w *World) created(v *vm, s goal.State) time.Time {
	t := s.Created
	if t.IsZero() {
		t = time.Now()
		if ticks := documents.Ticks(t); ticks <= v.lastTicks {
			t = t.Add(time.Duration(v.lastTicks-ticks)*100 + time.Millisecond) // some agents compute with floats and tell no less apart
		}
	}
	v.lastTicks = max(v.lastTicks, documents.Ticks(t))
	return t
}

type protector = func(goal.Value) (string, string, error)

// protector encrypts protected settings to the VM's tenant certificate, which is made only if there are any.
func (w *World) protector(id string, s goal.State) (protector, error) {
	none := func(v goal.Value) (string, string, error) {
		if v.IsZero() {
			return "", "", nil
		}
		return "", "", errors.New("no certificate was made")
	}
	if !hasProtected(s) {
		return none, nil
	}
	certificates, err := w.Certificates(id)
	if err != nil {
		return nil, err
	}
	to, err := x509.ParseCertificate(certificates[0].DER)
	if err != nil {
		return nil, err
	}
	return func(v goal.Value) (string, string, error) {
		if v.IsZero() {
			return "", "", nil
		}
		message, err := tenant.Envelop(to, []byte(v.Text()), tenant.AES256())
		return base64.StdEncoding.EncodeToString(message), certificates[0].Thumbprint(), err
	}, nil
}

func hasProtected(s goal.State) bool {
	return slices.ContainsFunc(s.Extensions, func(e goal.Extension) bool {
		return e.Settings != nil && !e.Settings.Protected.IsZero() ||
			slices.ContainsFunc(e.Configs, func(c goal.Config) bool { return !c.Protected.IsZero() })
	})
}
