package telemetry

import (
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// encode writes the record as an Event element: parameters are elements again, as text in a CDATA section.
func (r Record) encode() string {
	var b strings.Builder
	b.WriteString(`<Event id="` + strconv.Itoa(r.EventID) + `"><![CDATA[`)
	for _, p := range r.Params {
		b.WriteString(`<Param Name="` + attribute(p.Name) + `" Value="` + attribute(p.text()) + `" T="` + p.kind() + `" />`)
	}
	b.WriteString("]]></Event>")
	return b.String()
}

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\n", "&#10;", "\r", "&#13;", "\t", "&#9;")

// attribute escapes s once; with > escaped it cannot end the CDATA section either. Characters that XML forbids become
// question marks.
func attribute(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return r
		case r < ' ' || r == 0xfffe || r == 0xffff || r >= 0xd800 && r < 0xe000:
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return escapes.Replace(s)
}

// body wraps the events of one provider.
func body(provider, events string) []byte {
	return []byte(`<?xml version="1.0"?><TelemetryData version="1.0"><Provider id="` + attribute(provider) + `">` + events +
		"</Provider></TelemetryData>")
}

// batch is one request: the events of one provider, and the files they came from.
type batch struct {
	provider string
	events   strings.Builder
	count    int
	files    []string
}

// batcher fills requests up to what the fabric takes, one provider each.
type batcher struct {
	full []*batch
	open map[string]*batch
}

// add puts r, from file, into a request. It answers false for an event that is too large for any.
func (b *batcher) add(r Record, file string) bool {
	text := r.encode()
	if len(text) >= wireserver.MaxTelemetry {
		return false
	}
	if b.open == nil {
		b.open = map[string]*batch{}
	}
	o := b.open[r.Provider]
	if o == nil || o.events.Len()+len(text) >= wireserver.MaxTelemetry {
		o = &batch{provider: r.Provider}
		b.open[r.Provider] = o
		b.full = append(b.full, o)
	}
	o.events.WriteString(text)
	o.count++
	if file != "" {
		o.files = append(o.files, file)
	}
	return true
}
