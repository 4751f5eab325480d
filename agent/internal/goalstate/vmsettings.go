package goalstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// ErrTooOld is a HostGAPlugin whose vmSettings do not count.
var ErrTooOld = errors.New("HostGAPlugin is too old for Fast Track")

// ParseVMSettings reads HostGAPlugin's document as the goal state of etag. Unlike in ExtensionsConfig a mistake
// anywhere rejects all of it; errors say where without quoting what is there.
func ParseVMSettings(doc []byte, etag string) (Wanted, error) {
	var v hostga.VMSettings
	if err := json.Unmarshal(fabric.TrimBOM(doc), &v); err != nil {
		return Wanted{}, fmt.Errorf("read vmSettings: %w", where(err))
	}
	if older, err := olderThan(v.HostGAPluginVersion, hostga.MinFastTrackVersion); err != nil {
		return Wanted{}, fmt.Errorf("read vmSettings: %w", err)
	} else if older {
		return Wanted{}, fmt.Errorf("%w: %s", ErrTooOld, v.HostGAPluginVersion)
	}
	w, err := frame(v, etag)
	if err != nil {
		return Wanted{}, fmt.Errorf("read vmSettings: %w", err)
	}
	for i, x := range v.Extensions {
		h, err := handlerOfGoal(x)
		if err != nil {
			return Wanted{}, fmt.Errorf("read vmSettings: extension %d, %s: %w", i+1, orNull(x.Name, "without a name"), err)
		}
		w.Handlers = append(w.Handlers, h)
	}
	return w, nil
}

// frame is everything in vmSettings but the extensions.
func frame(v hostga.VMSettings, etag string) (Wanted, error) {
	w := Wanted{
		ID: "etag_" + etag, ETag: etag, Source: Source(v.Source), Channel: HostGAPlugin,
		Created:       fromTicks(strings.Trim(v.CreatedOnTicks.String(), `"`)),
		ActivityID:    orNull(v.ActivityID, wireserver.NullGUID),
		CorrelationID: orNull(v.CorrelationID, wireserver.NullGUID),
		OnHold:        bool(v.OnHold),
		SvdSeqNo:      any(wireserver.NullGUID),
	}
	if v.Source == "" {
		w.Source = "UNKNOWN"
	}
	if notNull(v.InSvdSeqNo) != nil {
		w.SvdSeqNo = v.InSvdSeqNo
	}
	if b := v.StatusUploadBlob; b != nil {
		if b.URI.IsZero() {
			return Wanted{}, errors.New("statusUploadBlob has no value")
		}
		w.StatusBlob = statusBlob(b.URI, b.Type)
	}
	for _, f := range v.RequiredFeatures {
		if f.Name == "" {
			return Wanted{}, errors.New("a required feature has no name")
		}
		w.RequiredFeatures = append(w.RequiredFeatures, f.Name)
	}
	for _, f := range v.Families {
		family := Family{
			Name: f.Name, Version: f.Version, FromVersion: f.FromVersion, URIs: f.URIs,
			IsVersionFromRSM: (*bool)(f.IsVersionFromRSM), IsVMEnabledForRSMUpgrades: (*bool)(f.IsVMEnabledForRSMUpgrades),
		}
		for _, s := range f.Signatures {
			family.sign(s.Version, s.EncodedSignature)
		}
		w.Families = append(w.Families, family)
	}
	return w, nil
}

// where takes the document's own text out of a decoder's error; it may be secret.
func where(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("a %s where %s should be, at byte %d, in %s", kind.Value, kind.Type, kind.Offset, kind.Field)
	}
	return errors.New("not the expected JSON")
}

func handlerOfGoal(x hostga.ExtensionGoalState) (Handler, error) {
	h := Handler{
		Name: x.Name, Version: x.Version, State: State(x.State), EncodedSignature: x.EncodedSignature,
		MultiConfig: bool(x.IsMultiConfig),
	}
	switch {
	case x.Name == "" || x.Version == "":
		return h, errors.New("name or version is missing")
	case h.State != Enabled && h.State != Disabled && h.State != Uninstall:
		return h, fmt.Errorf("its state is %q", x.State)
	}
	for _, uri := range append([]string{x.Location, x.FailoverLocation}, x.AdditionalLocations...) {
		if uri != "" {
			h.ManifestURIs = append(h.ManifestURIs, uri)
		}
	}
	var err error
	if h.MultiConfig {
		h.Settings, err = namedGoals(x)
	} else {
		h.Settings, err = singleGoal(x)
	}
	return h, err
}

func singleGoal(x hostga.ExtensionGoalState) ([]Settings, error) {
	if len(x.Settings) > 1 || len(x.DependsOn) > 1 {
		return nil, errors.New("several settings or dependencies for a handler that takes one")
	}
	if len(x.Settings) == 0 {
		return nil, nil
	}
	if x.SettingsSeqNo == nil {
		return nil, errors.New("settingsSeqNo is missing")
	}
	s := Settings{Seq: *x.SettingsSeqNo, State: State(x.State)}
	if len(x.DependsOn) == 1 {
		s.DependencyLevel = x.DependsOn[0].Level
	}
	err := s.fillGoal(x.Settings[0])
	return []Settings{s}, err
}

func namedGoals(x hostga.ExtensionGoalState) ([]Settings, error) {
	var list []Settings
	index := map[string]int{}
	for _, g := range x.Settings {
		if g.ExtensionName == nil || *g.ExtensionName == "" || g.SeqNo == nil || g.ExtensionState == nil {
			return nil, errors.New("extensionName, seqNo or extensionState is missing")
		}
		s := Settings{Name: *g.ExtensionName, Seq: *g.SeqNo, State: State(strings.ToLower(*g.ExtensionState))}
		if s.State != Enabled && s.State != Disabled {
			return nil, fmt.Errorf("the state of %s is %q", s.Name, *g.ExtensionState)
		}
		if err := s.fillGoal(g); err != nil {
			return nil, err
		}
		index[s.Name] = len(list)
		list = append(list, s)
	}
	for _, d := range x.DependsOn {
		i, ok := index[d.Name]
		if !ok {
			return nil, fmt.Errorf("a dependency is for %q, which has no settings", d.Name)
		}
		list[i].DependencyLevel = d.Level
	}
	return list, nil
}

func (s *Settings) fillGoal(g hostga.Settings) error {
	if g.Public != nil && *g.Public != "" {
		if !json.Valid([]byte(*g.Public)) {
			return errors.New("publicSettings is no JSON document in a string")
		}
		s.Public = notNull(json.RawMessage(*g.Public))
	}
	if !g.Protected.IsZero() && g.Thumbprint == "" {
		return errors.New("protectedSettings without protectedSettingsCertThumbprint")
	}
	s.Protected, s.Thumbprint = g.Protected, g.Thumbprint
	return nil
}
