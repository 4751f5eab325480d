package extension

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// source is where a version of a handler comes from.
type source struct {
	uris        []string
	manifestURI string
	signature   string
	mustSign    bool // the policy asks for a valid signature
}

// setup brings the package and prepares the handler's folder; no command is run.
func (h aHandler) setup(ctx context.Context, from source, wanted goalstate.Handler) error {
	if err := h.setState(notInstalled); err != nil {
		return err
	}
	signed, err := h.bring(ctx, from)
	if err != nil {
		return err
	}
	if err := h.prepare(wanted); err != nil {
		if host.IsDiskError(err) {
			h.wipe()
		}
		return err
	}
	return h.recordSignature(signed, from.mustSign)
}

// bring unpacks the package that an image was shipped with, or else downloads it, and says whether it is signed.
func (h aHandler) bring(ctx context.Context, from source) (signed bool, err error) {
	real, err := h.e.real(h.zip())
	if err != nil {
		return false, err
	}
	if h.e.o.Files.Exists(h.zip()) {
		signed, err := h.unpackInto(real, from)
		if err == nil {
			h.log().Info("Unpacked the package that was there already", "zip", h.zip())
			return signed, nil
		}
		h.log().Warn("the package that was there is unusable and will be downloaded", "zip", h.zip(), "error", err.Error())
		h.wipe()
	}
	return h.download(ctx, real, from)
}

func (h aHandler) download(ctx context.Context, zip string, from source) (signed bool, err error) {
	if len(from.uris) == 0 {
		err := errors.New("the manifest names no place to download the package from")
		return false, fail(classDownload, status.CodeUnknown, err)
	}
	if err := h.e.failpoint("download %s", h); err != nil {
		return false, err
	}
	accept := func(file string) (err error) {
		signed, err = h.unpackInto(file, from)
		return err
	}
	err = h.e.o.Downloader.Package(ctx, slices.Clone(from.uris), from.manifestURI, zip, accept)
	if rerr := h.e.o.Files.Remove(h.zip()); err == nil {
		err = rerr
	}
	if err == nil {
		h.event("Download", true, "Download succeeded")
		return signed, nil
	}
	var f *failure
	if stopped(ctx, err) || errors.As(err, &f) {
		return false, err
	}
	return false, fail(classDownload, status.CodeDownload, fmt.Errorf("download the package: %w", err))
}

// unpackInto extracts the package; a half unpacked folder does not stay.
func (h aHandler) unpackInto(file string, from source) (signed bool, err error) {
	if signed, err = h.checkSignature(file, from); err != nil {
		return false, err
	}
	real, err := h.e.real(h.base())
	if err != nil {
		return false, err
	}
	if err := h.setState(notInstalled); err != nil {
		return false, err
	}
	if err := unpack(file, real, h.e.o.MaxUnpacked); err != nil {
		return false, errors.Join(fmt.Errorf("unpack %s: %w", filepath.Base(file), err), h.e.o.Files.RemoveAll(h.base()))
	}
	return signed, nil
}

// wipe deletes folder and zip, so that the next try begins afresh.
func (h aHandler) wipe() {
	f := h.e.o.Files
	if err := errors.Join(f.Remove(h.zip()), f.RemoveAll(h.base())); err != nil {
		h.log().Warn("cannot clean up", "error", err.Error())
	}
}

// prepare makes a handler's folder out of an unpacked package.
func (h aHandler) prepare(wanted goalstate.Handler) error {
	real, err := h.e.real(h.base())
	if err != nil {
		return err
	}
	if err := makeExecutable(real); err != nil {
		return err
	}
	if err := h.placeManifest(real); err != nil {
		return err
	}
	if err := h.checkMultiConfig(wanted); err != nil {
		return err
	}
	return h.writeEnvironment()
}

// placeManifest copies HandlerManifest.json, wherever the package has it, to the top, without a byte order mark.
func (h aHandler) placeManifest(dir string) error {
	found := findFile(os.DirFS(dir), ".", handler.ManifestFile)
	if found == "" {
		err := fmt.Errorf("%s is not in the package", handler.ManifestFile)
		return fail(classDownload, status.CodeUnknown, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(found)))
	if err != nil {
		return err
	}
	return h.e.put(h.base()+"/"+handler.ManifestFile, bytes.TrimPrefix(data, bom), 0o744)
}

// findFile looks for a regular file, first in dir, then in its folders.
func findFile(fsys fs.FS, dir, name string) string {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return ""
	}
	for _, entry := range entries {
		if entry.Name() == name && entry.Type().IsRegular() {
			return strings.TrimPrefix(dir+"/"+name, "./")
		}
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if found := findFile(fsys, strings.TrimPrefix(dir+"/"+entry.Name(), "./"), name); found != "" {
				return found
			}
		}
	}
	return ""
}

// checkMultiConfig refuses several extensions for a package that knows of one only.
func (h aHandler) checkMultiConfig(wanted goalstate.Handler) error {
	if !wanted.MultiConfig {
		return nil
	}
	m, err := h.manifest()
	if err != nil {
		return err
	}
	if !m.Handler.SupportsMultipleExtensions {
		err := fmt.Errorf("the goal state has several extensions for %s, which does not support multiple extensions", h)
		return fail(classConfig, status.CodeUnknown, err)
	}
	return nil
}
