// Package documents writes the texts the fabric serves, from goal states at our level. It writes whole texts, not
// marshalled structs: escaping, order and shape are those of the real documents, and a tag the agent's types get wrong
// does not agree with itself here.
package documents

import (
	"encoding/base64"
	"encoding/xml"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/fabricsim/goal"
)

// Identity is what documents say of a VM.
type Identity struct {
	Name, ContainerID, RoleInstance, ConfigName string
}

// Goal is a goal state with everything resolved that a document needs.
type Goal struct {
	State         goal.State
	Incarnation   int
	SvdSeqNo      int // of Fast Track
	Created       time.Time
	PluginVersion string
	StatusURL     string // "" for none
	ProfileURL    string
	// ManifestURLs answers where a handler's manifest is; FamilyURLs where an agent family's is.
	ManifestURLs func(handler string) []string
	FamilyURLs   func(family string) []string
	// Protect encrypts to the VM's tenant certificate; both results are "" for an absent value.
	Protect func(goal.Value) (message, thumbprint string, err error)
}

// Ticks counts 100 ns since the year 1.
func Ticks(t time.Time) int64 {
	const unix = 621355968000000000
	return unix + t.Unix()*1e7 + int64(t.Nanosecond())/100
}

// Omits reports whether part was asked to be left out of the documents.
func Omits(s goal.State, part string) bool {
	return slices.Contains(s.Omit, part)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")

// escape makes text fit between tags and in attributes. Quotes stay readable in text, as in the real documents.
func escape(text string) string {
	return escaper.Replace(text)
}

// attribute is escape for a quoted attribute.
func attribute(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) //nolint:errcheck // a Builder never fails
	return b.String()
}

// Wrap is base64 in lines of 76: readers based on OpenSSL refuse one long line.
func Wrap(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	b.WriteString(text)
	return b.String()
}

// orNull is id, or the null GUID for none.
func orNull(id string) string {
	if id == "" {
		return "00000000-0000-0000-0000-000000000000"
	}
	return id
}
