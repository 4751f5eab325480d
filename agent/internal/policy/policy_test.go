package policy_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/policy"
)

func TestAllowList(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(`{"policyVersion": "0.1.0", "extensionPolicies": {"allowListedExtensionsOnly": true,
		"signatureRequired": true, "extensions": {"Contoso.Demo": {"signatureRequired": false, "runtimePolicy": {"x": [1]}},
		"Contoso.Other": {}}}}`))
	assert.NilError(t, err)
	assert.Assert(t, p.Allows("CONTOSO.demo"))
	assert.Assert(t, !p.Allows("Contoso.Third"))
	assert.Assert(t, !p.SignatureRequired("contoso.DEMO"))
	assert.Assert(t, p.SignatureRequired("Contoso.Other"))
	assert.Assert(t, p.SignatureRequired("Contoso.Third"))
}

func TestDefaultsAllowEverything(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"policyVersion": "0.1.0"}`, `{"policyVersion": "0.1"}`, `{"policyVersion": "0"}`,
		`{"policyVersion": "0.0.9", "extensionPolicies": null}`,
		`{"policyVersion": "0.1.0", "extensionPolicies": {"allowListedExtensionsOnly": null, "extensions": null}}`,
	} {
		p, err := policy.Parse([]byte(text))
		assert.NilError(t, err, text)
		assert.Assert(t, p.Allows("x"))
		assert.Assert(t, !p.SignatureRequired("x"))
	}
	var none *policy.Policy
	assert.Assert(t, none.Allows("x"))
	assert.Assert(t, !none.SignatureRequired("x"))
}

var invalid = map[string]string{
	"empty":                ``,
	"null":                 `null`,
	"an array":             `[]`,
	"two documents":        `{"policyVersion": "0.1.0"} {}`,
	"no version":           `{"extensionPolicies": {}}`,
	"version is a number":  `{"policyVersion": 0.1}`,
	"version of letters":   `{"policyVersion": "one"}`,
	"version of four":      `{"policyVersion": "0.1.0.0"}`,
	"newer version":        `{"policyVersion": "0.1.1"}`,
	"much newer version":   `{"policyVersion": "1"}`,
	"unknown root key":     `{"policyVersion": "0.1.0", "extensionPolicy": {}}`,
	"key in another case":  `{"policyVersion": "0.1.0", "ExtensionPolicies": {}}`,
	"unknown section key":  `{"policyVersion": "0.1.0", "extensionPolicies": {"allowListed": true}}`,
	"switch is a text":     `{"policyVersion": "0.1.0", "extensionPolicies": {"allowListedExtensionsOnly": "true"}}`,
	"extensions is a list": `{"policyVersion": "0.1.0", "extensionPolicies": {"extensions": ["a"]}}`,
	"extension is null":    `{"policyVersion": "0.1.0", "extensionPolicies": {"extensions": {"a": null}}}`,
	"unknown extension key": `{"policyVersion": "0.1.0", "extensionPolicies": {"extensions": {"a":
		{"signature": true}}}}`,
}

func TestInvalidPolicies(t *testing.T) {
	t.Parallel()
	for name, text := range invalid {
		_, err := policy.Parse([]byte(text))
		assert.ErrorContains(t, err, ":", name)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range invalid {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"policyVersion": "0.1.0", "extensionPolicies": {"allowListedExtensionsOnly": true, "extensions": {"a": {}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data)
		if err != nil {
			assert.Assert(t, p == nil, "an unusable policy must not be used")
			return
		}
		assert.Equal(t, p.Allows("contoso.demo"), p.Allows("CONTOSO.DEMO"))
	})
}
