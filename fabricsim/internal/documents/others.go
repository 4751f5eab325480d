package documents

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/waagent-go/waagent/fabricsim/goal"
)

// Package is one version of a package and where it is.
type Package struct {
	Version string
	URLs    []string
}

// Manifest answers the manifest URL of an extension handler or an agent family.
func Manifest(packages []Package) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<PluginVersionManifest xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">\n  <Plugins>\n")
	for _, p := range packages {
		fmt.Fprintf(&b, "    <Plugin>\n      <Version>%s</Version>\n      <Uris>\n", escape(p.Version))
		for _, u := range p.URLs {
			fmt.Fprintf(&b, "        <Uri>%s</Uri>\n", escape(u))
		}
		b.WriteString("      </Uris>\n    </Plugin>\n")
	}
	b.WriteString("  </Plugins>\n  <InternalPlugins />\n</PluginVersionManifest>\n")
	return b.String()
}

// RemoteAccess answers the RemoteAccessInfo URI. Encrypt makes a DER message to whoever asks.
func RemoteAccess(g Goal, now time.Time, encrypt func([]byte) ([]byte, error)) (string, error) {
	if raw, ok := g.State.Raw["remoteAccess"]; ok {
		return raw, nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<RemoteAccess>\n  <Version>1</Version>\n  <Incarnation>%d</Incarnation>\n  <Users>\n", g.Incarnation)
	for _, u := range g.State.Users {
		password := u.RawPassword
		if password == "" {
			message, err := encrypt(utf16LE(u.Password))
			if err != nil {
				return "", fmt.Errorf("password of %s: %w", u.Name, err)
			}
			password = base64.StdEncoding.EncodeToString(message)
		}
		expires := u.Expires
		if expires.IsZero() {
			expires = now.Add(24 * time.Hour)
		}
		expiration := expires.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		if u.RawExpiration != "" {
			expiration = u.RawExpiration
		}
		fmt.Fprintf(&b, "    <User>\n      <Name>%s</Name>\n      <Password>%s</Password>\n      <Expiration>%s</Expiration>\n      <Groups>\n",
			escape(u.Name), password, escape(expiration))
		for _, name := range u.Groups {
			fmt.Fprintf(&b, "        <GroupName>%s</GroupName>\n", escape(name))
		}
		b.WriteString("      </Groups>\n    </User>\n")
	}
	b.WriteString("  </Users>\n</RemoteAccess>\n")
	return b.String(), nil
}

func utf16LE(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// Profile is the artifacts profile, which carries on-hold for the Fabric channel.
func Profile(s goal.State) string {
	text, err := json.Marshal(struct {
		OnHold      bool   `json:"onHold"`
		SeqNo       int    `json:"inVMArtifactsProfileBlobSeqNo"`
		ProfileID   string `json:"profileId"`
		Certificate string `json:"certificateThumbprint"`
		Health      string `json:"encryptedHealthChecks"`
		Profiles    string `json:"encryptedApplicationProfile"`
	}{OnHold: s.OnHold, ProfileID: "1"})
	if err != nil {
		return "{}" // cannot be: all of it encodes
	}
	return string(text)
}
