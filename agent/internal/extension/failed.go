package extension

import (
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/logline"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
)

func (it *item) log() *slog.Logger {
	return it.e.log.With(logline.Prefix("[" + it.wanted.Name + "-" + it.wanted.Version + "]"))
}

// operation is the fabric's word for what is wanted.
func (it *item) operation() operation {
	switch {
	case it.wanted.State == goalstate.Uninstall:
		return opUninstall
	case it.removes():
		return opDisable
	}
	return opEnable
}

// gates says why an item may not be run.
func (p *processing) gates(it *item) error {
	code := status.CodeEnable
	if it.removes() {
		code = status.CodeDisable
	}
	switch {
	case it.wanted.Invalid == "" && !safeNames(it):
		return fail(classConfig, status.CodeUnknown, fmt.Errorf("the name of %q cannot be a file's", it.fullName()))
	case p.e.o.Disabled:
		return barred(classError, code, "Extension '%s' will not be processed since extension processing "+
			"is disabled. To enable extension processing, set Extensions.Enabled=y in '%s'", it.fullName(), p.e.o.ConfigFile)
	case p.policyErr != nil:
		return barred(classDisallowed, code, "Extension '%s' will not be processed since the extension "+
			"policy is invalid: %v", it.fullName(), p.policyErr)
	case p.blocked != "":
		return failText(classDependencies, status.CodeUnknown, "%s", p.blocked)
	case !p.policy.Allows(it.wanted.Name) && !it.goesUnseen():
		return barred(classDisallowed, code, "Extension '%s' will not be processed since it is not in the "+
			"allow list of the extension policy", it.fullName())
	}
	return nil
}

// goesUnseen says that the item removes what was never installed, which no policy minds.
func (it *item) goesUnseen() bool {
	_, there := it.e.installedVersion(it.wanted.Name)
	return it.wanted.State == goalstate.Uninstall && !there
}

func safeNames(it *item) bool {
	for _, name := range []string{it.wanted.Name, it.extensionName()} {
		if strings.ContainsAny(name, "/\x00") || name == "." || name == ".." {
			return false
		}
	}
	return it.wanted.Name != ""
}

// barred is the failure of an extension that must not run. It becomes the extension's status too, in place of its own:
// the fabric compares sequence numbers.
func barred(class string, code int, format string, args ...any) *failure {
	f := failText(class, code, format, args...)
	f.overwrites = true
	return f
}

// failed records why an item is not what was wanted of it. Its error is one of the disk, or the process's death.
func (it *item) failed(err error) error {
	f := asFailure(err)
	h := it.known()
	it.log().Error(f.Error())
	if !f.reported {
		h.event(it.failedOperation(f), false, f.Error())
	}
	if h.version == nil || !safeNames(it) {
		it.setProblem(f)
		return nil
	}
	it.blame(h, f)
	multi := it.wanted.MultiConfig
	ownStatusOnly := f.class == classMultiEnable || f.class == classDependencies && multi && h.readStatus() != nil
	var werr error
	if !ownStatusOnly {
		werr = h.setStatus(status.NotReady, f.code, f.Error(), multi)
	}
	if it.ext != nil && (multi || f.overwrites) && !it.removes() {
		werr = errors.Join(werr, h.placeError(*it.ext, f, it.operation(), f.overwrites))
	}
	if stoppedDisk(werr) {
		return werr
	}
	if werr != nil {
		it.log().Error("cannot record the failure", "error", werr.Error())
	}
	return nil
}

func stoppedDisk(err error) bool { return errors.Is(err, errDied) }

func (it *item) failedOperation(f *failure) string {
	if f.event != "" {
		return f.event
	}
	switch f.class {
	case classConfig:
		return "InvalidExtensionConfig"
	case classDownload:
		return "Download"
	case classDisallowed:
		return "ExtensionPolicy"
	}
	return it.operation().event
}

// known is the version to blame: the chosen one, or as the goal state spells it.
func (it *item) known() aHandler {
	if it.h.version != nil {
		return it.h
	}
	h := aHandler{e: it.e, name: it.wanted.Name}
	if it.removes() {
		if old, ok := it.e.installedVersion(it.wanted.Name); ok {
			return old
		}
	}
	h.version, _ = parseVersion(it.wanted.Version)
	return h
}

// placeError writes an error as the extension's status file, so that the fabric need not wait for one that will not
// come. A file of the extension's own is replaced only if asked.
func (h aHandler) placeError(s goalstate.Settings, f *failure, op operation, replace bool) error {
	file := path.Join(h.status(), settingsName(s)+".status")
	if !replace && h.e.o.Files.Exists(file) {
		return nil
	}
	type message struct {
		Lang    string `json:"lang"`
		Message string `json:"message"`
	}
	type body struct {
		Name      string  `json:"name"`
		Operation string  `json:"operation"`
		Status    string  `json:"status"`
		Code      int     `json:"code"`
		Message   message `json:"formattedMessage"`
	}
	type report struct {
		Version   float64 `json:"version"`
		Timestamp string  `json:"timestampUTC"`
		Status    body    `json:"status"`
	}
	name := s.Name
	if name == "" {
		name = h.name
	}
	data, err := spaced([]report{{1, stamp(), body{name, op.event, status.Error, f.code, message{"en-US", f.Error()}}}})
	if err != nil {
		return err
	}
	if err := h.e.failpoint("write %s/%s/%s", h, handler.StatusFolder, path.Base(file)); err != nil {
		return err
	}
	if err := h.e.o.Files.MkdirAll(h.status(), 0o700); err != nil {
		return err
	}
	return h.e.put(file, data, 0o600)
}
