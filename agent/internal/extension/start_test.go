package extension_test

import (
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestStartTakesOldStatesOver(t *testing.T) {
	w := newWorld(t)
	assert.NilError(t, os.MkdirAll(w.lib("Contoso.Demo-1.0.0/config"), 0o700))
	assert.NilError(t, os.MkdirAll(w.lib("handler_state/Contoso.Demo-1.0.0"), 0o700))
	assert.NilError(t, os.WriteFile(w.lib("handler_state/Contoso.Demo-1.0.0/state"), []byte("Enabled"), 0o600))
	w.engine.Start()
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerState"), "Enabled")
	assert.Assert(t, !w.exists("handler_state"))
	assert.Assert(t, w.exists("Contoso.Demo-1.0.0/HandlerEnvironment.json"))
}

func TestStartShortensCommandLogs(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	log := w.root + "/var/log/azure/Contoso.Demo/CommandExecution.log"
	assert.NilError(t, os.WriteFile(log, []byte("old\n"+strings.Repeat("0123456\n", 10<<17)), 0o644))
	w.restart()
	w.engine.Start()
	data, err := os.ReadFile(log)
	assert.NilError(t, err)
	assert.Assert(t, len(data) <= 10<<20 && len(data) > 9<<20)
	assert.Assert(t, strings.HasPrefix(string(data), "0123456\n"))
}

func TestStartWritesTheSigningRoot(t *testing.T) {
	w := newWorld(t)
	w.options.SigningRoot = []byte("PEM")
	w.restart()
	w.engine.Start()
	info, err := os.Stat(w.lib("microsoft_root_certificate.pem"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
}
