package extension_test

import (
	"encoding/json"
	"errors"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/internal/status"
)

// notary takes the text "good" for a valid signature.
type notary struct{}

func (notary) Verify(_, signature string) error {
	if signature != "good" {
		return errors.New("forged")
	}
	return nil
}

func signingInfo(kind string) pack {
	m := manifest()
	return pack{"HandlerManifest.json": m[:len(m)-2] + `, "signingInfo": {"type": "` + kind +
		`", "publisher": "contoso", "version": "1.0.0"}}]`}
}

func bearing(signature string) goalstate.Handler {
	h := wants("1.0.0", 3)
	h.EncodedSignature = signature
	return h
}

func validated(t *testing.T, w *world) bool {
	t.Helper()
	var s struct {
		Validated bool `json:"signature_validated"`
	}
	assert.NilError(t, json.Unmarshal([]byte(w.read("Contoso.Demo-1.0.0/config/HandlerStatus")), &s))
	return s.Validated
}

func TestSignatureIsRecordedAndStopsNothing(t *testing.T) {
	for _, c := range []struct {
		name, signature, kind string
		want                  bool
	}{
		{"good", "good", "DEMO", true}, {"forged", "bad", "Demo", false}, {"of another package", "good", "Other", false},
		{"none", "", "Demo", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.options.Verifier = notary{}
			w.restart()
			w.shop.sell(contoso, "1.0.0", signingInfo(c.kind))
			w.process(bearing(c.signature))
			assert.Equal(t, w.report().Status, status.Ready)
			assert.Equal(t, validated(t, w), c.want)
			w.process(bearing(c.signature))
			assert.Equal(t, validated(t, w), c.want)
		})
	}
}

func TestPolicyThatAsksForASignatureCountsOnConfidentialMachines(t *testing.T) {
	for _, c := range []struct {
		name, signature, kind string
		confidential, runs    bool
	}{
		{"good", "good", "Demo", true, true}, {"forged", "bad", "Demo", true, false}, {"unsigned", "", "Demo", true, false},
		{"of another package", "good", "Other", true, false}, {"forged on an ordinary machine", "bad", "Demo", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			p, err := policy.Parse([]byte(`{"policyVersion": "0.1.0", "extensionPolicies": {"signatureRequired": true}}`))
			assert.NilError(t, err)
			w.options.Verifier = notary{}
			w.options.Policy = func() (*policy.Policy, error) { return p, nil }
			w.options.MustSign = func() bool { return c.confidential }
			w.restart()
			w.shop.sell(contoso, "1.0.0", signingInfo(c.kind))
			w.process(bearing(c.signature))
			if c.runs {
				assert.Equal(t, w.report().Status, status.Ready)
				return
			}
			assert.Assert(t, cmp.Len(w.calls(), 0))
			got := w.report()
			assert.Equal(t, got.Code, 1009)
			assert.Equal(t, got.Extension.Status, status.Error)
			assert.Assert(t, cmp.Contains(got.Message, "asks for a valid signature"))
		})
	}
}

func TestVersionInstalledBeforeThePolicyAskedIsRefused(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.calls()
	p, err := policy.Parse([]byte(`{"policyVersion": "0.1.0", "extensionPolicies": {"extensions": {"contoso.demo": {"signatureRequired": true}}}}`))
	assert.NilError(t, err)
	w.options.Policy = func() (*policy.Policy, error) { return p, nil }
	w.options.MustSign = func() bool { return true }
	w.restart()
	w.process(wants("1.0.0", 3))
	assert.Assert(t, cmp.Len(w.calls(), 0))
	assert.Equal(t, w.report().Code, 1009)
}
