package inspect

import (
	"bytes"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/endpoint"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

type ovfView struct {
	Version         string       `json:"version"`
	HostName        string       `json:"hostName"`
	UserName        string       `json:"userName"`
	HasPassword     bool         `json:"hasPassword"`
	NoPasswordLogin bool         `json:"disableSshPasswordAuthentication"`
	HasCustomData   bool         `json:"hasCustomData"`
	PublicKeys      []ovfKeyView `json:"publicKeys"`
	KeyPairs        []ovfKeyView `json:"keyPairs"`
	GuestAgent      bool         `json:"provisionGuestAgent"`
	PackageName     string       `json:"guestAgentPackageName,omitempty"`
	Preprovisioned  bool         `json:"preprovisionedVm"`
	PreprovisionAs  string       `json:"preprovisionedVmType,omitempty"`
	ProxyAgent      bool         `json:"provisionGuestProxyAgent"`
}

type ovfKeyView struct {
	Fingerprint string `json:"fingerprint,omitempty"`
	Path        string `json:"path"`
	Value       string `json:"value,omitempty"`
}

func ovfEnvironment(data []byte) (v ovfView, err error) {
	e, err := ovfenv.Decode(data)
	if err != nil {
		return v, err
	}
	l, p := e.Linux, e.Platform
	v = ovfView{
		Version: e.Version, HostName: l.HostName, UserName: l.UserName, HasPassword: !l.UserPassword.IsZero(),
		NoPasswordLogin: l.DisableSSHPasswordAuthentication, HasCustomData: !l.CustomData.IsZero(),
		PublicKeys: []ovfKeyView{}, KeyPairs: []ovfKeyView{}, GuestAgent: p.ProvisionGuestAgent,
		PackageName: p.GuestAgentPackageName, Preprovisioned: p.PreprovisionedVM, PreprovisionAs: p.PreprovisionedVMType,
		ProxyAgent: p.ProvisionGuestProxyAgent,
	}
	for _, k := range l.PublicKeys {
		v.PublicKeys = append(v.PublicKeys, ovfKeyView(k))
	}
	for _, k := range l.KeyPairs {
		v.KeyPairs = append(v.KeyPairs, ovfKeyView{Fingerprint: k.Fingerprint, Path: k.Path})
	}
	return v, nil
}

type configurationView struct {
	Options  map[string]string `json:"options"` // effective
	Warnings []warningView     `json:"warnings"`
}

type warningView struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

func configuration(data []byte) (v configurationView, err error) {
	l, err := config.Parse(data, config.DocumentedDefaults)
	if err != nil {
		return v, err
	}
	var dump bytes.Buffer
	if err := l.Dump(&dump, false); err != nil {
		return v, err
	}
	v = configurationView{map[string]string{}, []warningView{}}
	for line := range strings.Lines(dump.String()) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), " = "); found {
			v.Options[key] = value
		}
	}
	for _, w := range l.Warnings {
		v.Warnings = append(v.Warnings, warningView{w.Line, w.Text})
	}
	return v, nil
}

type offerView struct {
	Endpoint string      `json:"endpoint"`
	Gateway  string      `json:"gateway"`
	Routes   []routeView `json:"routes"`
}

type routeView struct {
	To  string `json:"to"`
	Via string `json:"via"`
}

func offer(o endpoint.Offer, err error) (offerView, error) {
	v := offerView{Routes: []routeView{}}
	if o.Endpoint.IsValid() {
		v.Endpoint = o.Endpoint.String()
	}
	if o.Gateway.IsValid() {
		v.Gateway = o.Gateway.String()
	}
	for _, r := range o.Routes {
		v.Routes = append(v.Routes, routeView{r.To.String(), r.Via.String()})
	}
	return v, err
}

// isDHCP looks for the cookie of a DHCP message.
func isDHCP(data []byte) bool {
	return len(data) >= 240 && bytes.Equal(data[236:240], []byte{99, 130, 83, 99})
}

func dhcpReply(data []byte) (offerView, error) { return offer(endpoint.ParseReply(data)) }
func networkdLease(data []byte) (offerView, error) {
	return offer(endpoint.ParseNetworkd(data, time.Now()))
}
func iscLease(data []byte) (offerView, error) { return offer(endpoint.ParseISC(data, time.Now())) }
