package world

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/internal/documents"
)

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
