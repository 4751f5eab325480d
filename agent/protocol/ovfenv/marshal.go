package ovfenv

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ConfigurationSetType is what the element of that name says on every Linux VM.
const ConfigurationSetType = "LinuxProvisioningConfiguration"

// Marshal writes the document with its secrets in clear: it is the DVD. The layout is the fabric's: the two sections
// and the platform settings carry the prefix wa, the configuration set redeclares the default namespace. Readers that
// match prefixes literally depend on it. Elements named in omit, by local name, are left out with all that they hold.
func (e Environment) Marshal(omit ...string) ([]byte, error) {
	w := &writer{omit: omit}
	w.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	w.element("Environment", ` xmlns="`+NamespaceOVF+`" xmlns:wa="`+NamespaceAzure+`" xmlns:xsi="`+namespaceXSI+`"`, func() {
		w.element("wa:ProvisioningSection", "", func() {
			w.leaf("wa:Version", orFirst(e.Version))
			w.element("LinuxProvisioningConfigurationSet", ` xmlns="`+NamespaceAzure+`"`, func() { w.linux(e.Linux) })
		})
		w.element("wa:PlatformSettingsSection", "", func() {
			w.leaf("wa:Version", orFirst(e.Platform.Version))
			w.element("wa:PlatformSettings", "", func() { w.platform(e.Platform) })
		})
	})
	return w.Bytes(), w.err
}

// orFirst is the version every document has carried so far, unless another is asked for.
func orFirst(version string) string {
	if version == "" {
		return "1.0"
	}
	return version
}

type writer struct {
	bytes.Buffer
	depth int
	omit  []string
	err   error
}

func (w *writer) linux(l LinuxProvisioning) {
	w.leaf("ConfigurationSetType", ConfigurationSetType)
	w.leaf("HostName", l.HostName)
	w.optional("UserName", l.UserName)
	w.optional("UserPassword", l.UserPassword.Reveal())
	w.optional("AdminPassword", l.AdminPassword.Reveal())
	w.leaf("DisableSshPasswordAuthentication", strconv.FormatBool(l.DisableSSHPasswordAuthentication))
	if len(l.PublicKeys)+len(l.KeyPairs) > 0 {
		w.element("SSH", "", func() { w.keys(l) })
	}
	w.optional("CustomData", l.CustomData.Reveal())
	w.extra("", l.Extra)
}

func (w *writer) keys(l LinuxProvisioning) {
	if len(l.PublicKeys) > 0 {
		w.element("PublicKeys", "", func() {
			for _, k := range l.PublicKeys {
				w.element("PublicKey", "", func() {
					w.optional("Fingerprint", k.Fingerprint)
					w.leaf("Path", k.Path)
					w.optional("Value", k.Value)
				})
			}
		})
	}
	if len(l.KeyPairs) > 0 {
		w.element("KeyPairs", "", func() {
			for _, k := range l.KeyPairs {
				w.element("KeyPair", "", func() {
					w.leaf("Fingerprint", k.Fingerprint)
					w.leaf("Path", k.Path)
				})
			}
		})
	}
}

func (w *writer) platform(p PlatformSettings) {
	w.leaf("wa:KmsServerHostname", p.KMSServerHostname)
	w.leaf("wa:ProvisionGuestAgent", strconv.FormatBool(p.ProvisionGuestAgent))
	w.nillable("wa:GuestAgentPackageName", p.GuestAgentPackageName)
	w.leaf("wa:RetainWindowsPEPassInUnattend", strconv.FormatBool(p.RetainWindowsPEPassInUnattend))
	w.leaf("wa:RetainOfflineServicingPassInUnattend", strconv.FormatBool(p.RetainOfflineServicingPassInUnattend))
	w.leaf("wa:PreprovisionedVm", strconv.FormatBool(p.PreprovisionedVM))
	w.nillable("wa:PreprovisionedVMType", p.PreprovisionedVMType)
	w.leaf("wa:ProvisionGuestProxyAgent", strconv.FormatBool(p.ProvisionGuestProxyAgent))
	w.extra("wa:", p.Extra)
}

func (w *writer) extra(prefix string, elements []Element) {
	for _, e := range elements {
		if !isName(e.Name) {
			w.err = fmt.Errorf("%s: %q is no element name", FileName, e.Name)
			return
		}
		w.leaf(prefix+e.Name, e.Value)
	}
}

func (w *writer) element(name, attributes string, body func()) {
	if w.omitted(name) {
		return
	}
	fmt.Fprintf(w, "%s<%s%s>\n", w.indent(), name, attributes)
	w.depth++
	body()
	w.depth--
	fmt.Fprintf(w, "%s</%s>\n", w.indent(), name)
}

func (w *writer) leaf(name, text string) {
	if w.omitted(name) {
		return
	}
	if !representable(text) {
		w.err = fmt.Errorf("%s: %s holds a character that XML cannot carry", FileName, name)
		return
	}
	fmt.Fprintf(w, "%s<%s>", w.indent(), name)
	_ = xml.EscapeText(w, []byte(text)) // a bytes.Buffer takes everything
	fmt.Fprintf(w, "</%s>\n", name)
}

func (w *writer) optional(name, text string) {
	if text != "" {
		w.leaf(name, text)
	}
}

// nillable writes an absent value as the fabric does.
func (w *writer) nillable(name, text string) {
	if text != "" {
		w.leaf(name, text)
	} else if !w.omitted(name) {
		fmt.Fprintf(w, "%s<%s xsi:nil=\"true\"/>\n", w.indent(), name)
	}
}

func (w *writer) omitted(name string) bool {
	return slices.Contains(w.omit, strings.TrimPrefix(name, "wa:"))
}

func (w *writer) indent() string { return strings.Repeat("  ", w.depth) }

// representable reports whether text survives XML: no control characters but tab, newline and return.
func representable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	return strings.IndexFunc(text, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	}) < 0
}

// isName reports whether text can be an element's name; the fabric uses letters and digits alone.
func isName(text string) bool {
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '-' || r == '.')) {
			return false
		}
	}
	return text != ""
}
