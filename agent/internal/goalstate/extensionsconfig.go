package goalstate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/secret"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// ParseExtensionsConfig reads WireServer's extensions document as the goal state of incarnation, and the URI of the
// artifacts profile it names, if any. A mistake in one handler's part makes that handler Invalid and leaves the others
// alone.
func ParseExtensionsConfig(doc []byte, incarnation string) (w Wanted, profile secret.Text, err error) {
	var x wireserver.ExtensionsConfig
	if err := fabric.DecodeXML(doc, &x); err != nil {
		return Wanted{}, secret.Text{}, fmt.Errorf("read ExtensionsConfig: %w", err)
	}
	w = emptyFabric(incarnation)
	if m := x.MetaData; m != nil {
		w.Created = fromTicks(m.CreatedOnTicks)
		w.ActivityID = orNull(m.ActivityID, wireserver.NullGUID)
		w.CorrelationID = orNull(m.CorrelationID, wireserver.NullGUID)
	}
	if b := x.StatusUploadBlob; b != nil {
		w.StatusBlob = statusBlob(trimmed(b.URI), b.Type)
	}
	if b := x.ArtifactsProfile; b != nil {
		profile = trimmed(b.URI)
	}
	for _, f := range x.RequiredFeatures {
		w.RequiredFeatures = append(w.RequiredFeatures, f.Name)
	}
	for _, f := range x.Families {
		family := Family{
			Name: f.Name, Version: f.Version, FromVersion: f.FromVersion, URIs: f.URIs,
			IsVersionFromRSM: flag(f.IsVersionFromRSM), IsVMEnabledForRSMUpgrades: flag(f.IsVMEnabledForRSMUpgrades),
		}
		for _, s := range f.Signatures {
			family.sign(s.Version, s.EncodedSignature)
		}
		w.Families = append(w.Families, family)
	}
	for _, p := range x.Plugins {
		w.Handlers = append(w.Handlers, handlerOf(p, x.PluginSettings))
	}
	return w, profile, nil
}

// sign notes the signature of a version's package.
func (f *Family) sign(version, signature string) {
	if f.Signatures == nil {
		f.Signatures = map[string]string{}
	}
	f.Signatures[version] = signature
}

// emptyFabric is a Fabric goal state that wants nothing.
func emptyFabric(incarnation string) Wanted {
	return Wanted{
		ID: "incarnation_" + incarnation, Incarnation: incarnation, Source: Fabric, Channel: WireServer,
		ActivityID: wireserver.NullGUID, CorrelationID: wireserver.NullGUID, SvdSeqNo: incarnation,
	}
}

func trimmed(t secret.Text) secret.Text { return secret.New(strings.TrimSpace(t.Reveal())) }

// statusBlob takes every type but PageBlob for BlockBlob.
func statusBlob(uri secret.Text, kind string) StatusBlob {
	if kind != "PageBlob" {
		kind = "BlockBlob"
	}
	return StatusBlob{URI: uri, Type: kind}
}

// flag is nil for an absent element: absent is not false.
func flag(s *string) *bool {
	if s == nil {
		return nil
	}
	b := strings.EqualFold(strings.TrimSpace(*s), "true")
	return &b
}

func handlerOf(p wireserver.Plugin, all []wireserver.PluginSettings) Handler {
	h := Handler{Name: p.Name, Version: p.Version, EncodedSignature: p.EncodedSignature}
	h.State, h.Invalid = stateOf(p.State)
	for _, uri := range append([]string{p.Location, p.FailoverLocation}, p.AdditionalLocations...) {
		if uri = strings.TrimSpace(uri); uri != "" {
			h.ManifestURIs = append(h.ManifestURIs, uri)
		}
	}
	var mine []wireserver.PluginSettings
	for _, s := range all {
		if strings.EqualFold(s.Name, p.Name) {
			mine = append(mine, s)
		}
	}
	var err error
	if h.Settings, h.MultiConfig, err = settingsOf(h, mine); err != nil && h.Invalid == "" {
		h.Invalid = err.Error()
	}
	return h
}

// stateOf forgives capitals; whatever is no state concerns its handler alone.
func stateOf(s string) (State, string) {
	switch state := State(strings.ToLower(s)); state {
	case Enabled, Disabled, Uninstall:
		return state, ""
	case "":
		return "", "the handler's state is empty"
	}
	return "", fmt.Sprintf("the handler's state is %q", s)
}

func settingsOf(h Handler, mine []wireserver.PluginSettings) (list []Settings, multi bool, err error) {
	if len(mine) == 0 {
		return nil, false, nil
	}
	same := 0
	for _, s := range mine {
		if s.Version == h.Version {
			same++
		}
	}
	switch {
	case same == 0:
		return nil, false, fmt.Errorf("the settings are for version %s of the handler, which is wanted in version %s",
			mine[0].Version, h.Version)
	case same > 1 || len(mine) > 1:
		return nil, false, fmt.Errorf("there are %d sets of settings for one handler", len(mine))
	}
	s := mine[0]
	switch single, named := len(s.RuntimeSettings), len(s.ExtensionRuntimeSettings); {
	case single > 0 && named > 0:
		return nil, true, fmt.Errorf("the handler has both single and multiple settings")
	case single > 1:
		return nil, false, fmt.Errorf("there are %d runtime settings for a handler that takes one", single)
	case single == 1:
		one, err := singleSettings(s, h.State)
		return one, false, err
	case named > 0:
		many, err := namedSettings(s)
		return many, true, err
	}
	return nil, false, nil
}

func singleSettings(s wireserver.PluginSettings, state State) ([]Settings, error) {
	if len(s.DependsOn) > 1 {
		return nil, fmt.Errorf("there are %d dependencies for a handler that takes one", len(s.DependsOn))
	}
	one := Settings{State: state}
	if len(s.DependsOn) == 1 {
		one.DependencyLevel = level(s.DependsOn[0].Level)
	}
	err := one.fill(s.RuntimeSettings[0].SeqNo, s.RuntimeSettings[0].Text)
	return []Settings{one}, err
}

func namedSettings(s wireserver.PluginSettings) ([]Settings, error) {
	levels := map[string]int{}
	for _, d := range s.DependsOn {
		if d.Name == "" {
			return nil, fmt.Errorf("a dependency does not name its extension")
		}
		levels[d.Name] = level(d.Level)
	}
	var list []Settings
	for _, x := range s.ExtensionRuntimeSettings {
		if x.Name == "" {
			return list, fmt.Errorf("an extension has no name")
		}
		one := Settings{Name: x.Name, State: Enabled, DependencyLevel: levels[x.Name]}
		if x.State != "" {
			one.State = State(strings.ToLower(x.State))
		}
		err := one.fill(x.SeqNo, x.Text)
		list = append(list, one)
		switch {
		case err != nil:
			return list, fmt.Errorf("extension %s: %w", x.Name, err)
		case one.State != Enabled && one.State != Disabled:
			return list, fmt.Errorf("extension %s: its state is %q", x.Name, x.State)
		}
	}
	return list, nil
}

// level reads a dependency level; nonsense is 0.
func level(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0
	}
	return n
}

// fill reads the sequence number and the settings document. A text that is no JSON leaves an extension without
// settings, which runs: some extensions need none.
func (s *Settings) fill(seq *string, text secret.Text) error {
	if seq == nil {
		return fmt.Errorf("the settings have no sequence number")
	}
	n, err := strconv.Atoi(strings.TrimSpace(*seq))
	if err != nil {
		return fmt.Errorf("the sequence number %q is no number", *seq)
	}
	s.Seq = n
	raw := []byte(strings.TrimSpace(text.Reveal()))
	if !json.Valid(raw) {
		return nil
	}
	var doc wireserver.SettingsDocument
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("the settings are no settings document") // err would quote what may be secret
	}
	if len(doc.RuntimeSettings) == 0 || doc.RuntimeSettings[0].HandlerSettings == nil {
		return fmt.Errorf("the settings document has no handlerSettings")
	}
	h := doc.RuntimeSettings[0].HandlerSettings
	s.Public, s.Protected, s.Thumbprint = notNull(h.Public), h.Protected, h.Thumbprint
	return nil
}

func notNull(raw json.RawMessage) json.RawMessage {
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	return raw
}
