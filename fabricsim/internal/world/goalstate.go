package world

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"crypto/x509"

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
			t = t.Add(time.Duration(v.lastTicks-ticks+10) * 100) // a microsecond is what agents tell apart
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

// storePackages puts the packages a goal state brings into storage, and the manifests that list them.
func (w *World) storePackages(v *vm, s goal.State) error {
	for _, e := range s.Extensions {
		if e.Files != nil || e.Zip != nil {
			if err := w.storePackage(v.spec.ID, v.packages, e.Name, e.Version, e.Files, e.Zip); err != nil {
				return err
			}
		}
		w.storeManifest(v, e.Name)
	}
	for _, f := range s.Families {
		name := "WALinuxAgent." + f.Name
		delete(v.packages, name)
		for _, p := range f.Packages {
			if err := w.storePackage(v.spec.ID, v.packages, name, p.Version, p.Files, p.Zip); err != nil {
				return err
			}
		}
		w.storeManifest(v, name)
	}
	if s.Families == nil {
		w.storeManifest(v, "WALinuxAgent.Prod")
	}
	return nil
}

func (w *World) storePackage(owner string, into map[string]map[string]string, name, version string, files map[string][]byte, archive []byte) error {
	if archive == nil {
		var err error
		if archive, err = goal.Zip(files); err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
	}
	path := fmt.Sprintf("%s/%s__%s.zip", owner, name, version)
	w.Blobs.Put(packageAccount, path, archive, true)
	if into[name] == nil {
		into[name] = map[string]string{}
	}
	into[name][version] = path
	return nil
}

// PutPackage keeps a package for all VMs.
func (w *World) PutPackage(name, version string, archive []byte) error {
	if name == "" || version == "" || strings.ContainsAny(name+version, "/?# ") {
		return errors.New("a package needs a name and a version, without slashes and blanks")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.storePackage("_all", w.shared, name, version, nil, archive)
}

// storeManifest writes the manifest of a handler as this VM sees it. A handler without packages has none: its URL
// answers 404. Agent families always have one.
func (w *World) storeManifest(v *vm, name string) {
	paths := maps.Clone(w.shared[name])
	if paths == nil {
		paths = map[string]string{}
	}
	maps.Copy(paths, v.packages[name])
	var list []documents.Package
	for _, version := range slices.Sorted(maps.Keys(paths)) {
		list = append(list, documents.Package{Version: version, URLs: []string{w.Blobs.URL(packageAccount, paths[version])}})
	}
	path := manifestPath(v.spec.ID, name)
	if len(list) == 0 && !strings.HasPrefix(name, "WALinuxAgent.") {
		w.Blobs.Promise(packageAccount, path)
		return
	}
	w.Blobs.Put(packageAccount, path, []byte(documents.Manifest(list)), true)
}

func manifestPath(id, name string) string { return fmt.Sprintf("%s/%s_manifest.xml", id, name) }

func (w *World) manifestURLs(v *vm) func(string) []string {
	return func(name string) []string {
		return []string{w.Blobs.URL(packageAccount, manifestPath(v.spec.ID, name))}
	}
}

func (w *World) familyURLs(v *vm, s goal.State) func(string) []string {
	return func(name string) []string {
		for _, f := range s.Families {
			if f.Name == name && f.NoURIs {
				return nil
			}
		}
		return w.manifestURLs(v)("WALinuxAgent." + name)
	}
}
