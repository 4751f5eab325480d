package extension

import (
	"time"

	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// operation is one of the commands a package has.
type operation struct {
	name    string
	event   string // the fabric's word for it
	key     string // in HandlerManifest.json
	timeout time.Duration
	code    int // of a failure
	line    func(*handler.HandlerSection) *string
}

var (
	opInstall = operation{"install", "Install", "installCommand", 900 * time.Second, status.CodeInstall,
		func(h *handler.HandlerSection) *string { return h.Install }}
	opEnable = operation{"enable", "Enable", "enableCommand", 300 * time.Second, status.CodeEnable,
		func(h *handler.HandlerSection) *string { return h.Enable }}
	opUpdate = operation{"update", "Update", "updateCommand", 900 * time.Second, status.CodeUpdate,
		func(h *handler.HandlerSection) *string { return h.Update }}
	opDisable = operation{"disable", "Disable", "disableCommand", 900 * time.Second, status.CodeDisable,
		func(h *handler.HandlerSection) *string { return h.Disable }}
	opUninstall = operation{"uninstall", "UnInstall", "uninstallCommand", 300 * time.Second, status.CodeProcessing,
		func(h *handler.HandlerSection) *string { return h.Uninstall }}
)

var operations = map[string]operation{
	opInstall.name: opInstall, opEnable.name: opEnable, opUpdate.name: opUpdate, opDisable.name: opDisable,
	opUninstall.name: opUninstall,
}
