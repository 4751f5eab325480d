// Package policy reads the extension policy that an administrator put on the VM and answers what it allows. It never
// runs or stops anything.
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Policy says which extensions may run. The nil Policy allows everything.
type Policy struct {
	listedOnly        bool
	signatureRequired bool
	extensions        map[string]extension // by lower-case name
}

type extension struct {
	signatureRequired *bool
}

// newest is the highest policyVersion this agent understands.
var newest = [3]int{0, 1, 0}

// Parse reads waagent_policy.json. It is strict, for a misspelt key must not open what was to be closed: any error
// means that nothing is allowed.
func Parse(data []byte) (*Policy, error) {
	root, err := object("policy", data, "policyVersion", "extensionPolicies")
	if err != nil {
		return nil, err
	}
	if err := checkVersion(root["policyVersion"]); err != nil {
		return nil, err
	}
	p := &Policy{extensions: map[string]extension{}}
	section := root["extensionPolicies"]
	if section == nil {
		return p, nil
	}
	keys, err := object("extensionPolicies", section, "allowListedExtensionsOnly", "signatureRequired", "extensions")
	if err != nil {
		return nil, err
	}
	if _, err := boolean("extensionPolicies", keys, "allowListedExtensionsOnly", &p.listedOnly); err != nil {
		return nil, err
	}
	if _, err := boolean("extensionPolicies", keys, "signatureRequired", &p.signatureRequired); err != nil {
		return nil, err
	}
	if err := p.readExtensions(keys["extensions"]); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Policy) readExtensions(data json.RawMessage) error {
	if data == nil {
		return nil
	}
	all, err := object("extensions", data)
	if err != nil {
		return err
	}
	for name, value := range all {
		keys, err := object(name, value, "signatureRequired", "runtimePolicy")
		if err != nil {
			return err
		}
		var x extension
		var required bool
		there, err := boolean(name, keys, "signatureRequired", &required)
		if err != nil {
			return err
		}
		if there {
			x.signatureRequired = &required
		}
		p.extensions[strings.ToLower(name)] = x
	}
	return nil
}

// Allows says whether a handler may be run, its removal included.
func (p *Policy) Allows(name string) bool {
	if p == nil || !p.listedOnly {
		return true
	}
	_, listed := p.extensions[strings.ToLower(name)]
	return listed
}

// SignatureRequired says whether a handler's package must carry a valid signature.
func (p *Policy) SignatureRequired(name string) bool {
	if p == nil {
		return false
	}
	if x := p.extensions[strings.ToLower(name)]; x.signatureRequired != nil {
		return *x.signatureRequired
	}
	return p.signatureRequired
}

// object reads a JSON object; with keys given, no other may be in it. A null member counts as absent.
func object(what string, data []byte, keys ...string) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	var members map[string]json.RawMessage
	if err := dec.Decode(&members); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: text after the document", what)
	}
	if members == nil {
		return nil, fmt.Errorf("%s: null where an object is due", what)
	}
	for name, value := range members {
		if len(keys) > 0 && !slices.Contains(keys, name) {
			return nil, fmt.Errorf("%s: unknown key %q", what, name)
		}
		if string(value) == "null" && len(keys) > 0 {
			delete(members, name)
		}
	}
	return members, nil
}

func boolean(what string, members map[string]json.RawMessage, key string, to *bool) (bool, error) {
	value, there := members[key]
	if !there {
		return false, nil
	}
	if err := json.Unmarshal(value, to); err != nil {
		return false, fmt.Errorf("%s: %s is neither true nor false", what, key)
	}
	return true, nil
}

// checkVersion accepts one to three numbers, at most the newest version.
func checkVersion(data json.RawMessage) error {
	if data == nil {
		return errors.New("policy: policyVersion is missing")
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("policy: policyVersion is not a text")
	}
	parts := strings.Split(text, ".")
	if len(parts) > len(newest) {
		return fmt.Errorf("policy: policyVersion %q has too many numbers", text)
	}
	var v [3]int
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || part[0] == '+' {
			return fmt.Errorf("policy: policyVersion %q is not numbers", text)
		}
		v[i] = n
	}
	if slices.Compare(v[:], newest[:]) > 0 {
		return fmt.Errorf("policy: policyVersion %s is newer than %d.%d.%d, the last one known here",
			text, newest[0], newest[1], newest[2])
	}
	return nil
}
