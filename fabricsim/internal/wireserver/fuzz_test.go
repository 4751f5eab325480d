package wireserver

import (
	"encoding/xml"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim/internal/documents"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
)

func view() world.View {
	return world.View{Incarnation: 3, Identity: documents.Identity{ContainerID: "c", RoleInstance: "r"}}
}

// FuzzHealth reads foreign reports. Whatever is accepted is of this VM, of a known goal state, and short enough.
func FuzzHealth(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="utf-8"?><Health><GoalStateIncarnation>3</GoalStateIncarnation><Container><ContainerId>c</ContainerId><RoleInstanceList><Role><InstanceId>r</InstanceId><Health><State>NotReady</State><Details><SubStatus>Provisioning</SubStatus><Description>a &lt; b</Description></Details></Health></Role></RoleInstanceList></Container></Health>`))
	f.Add([]byte(`<Health><GoalStateIncarnation>4</GoalStateIncarnation></Health>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseHealth(data, view())
		if err != nil {
			return
		}
		assert.Assert(t, r.State == "Ready" || r.State == "NotReady")
		assert.Assert(t, len(r.Description) <= 4096)
		assert.Assert(t, strings.Contains(string(data), "c") && strings.Contains(string(data), "r"))
	})
}

// FuzzParams reads foreign telemetry parameters. Written down and read again they are the same.
func FuzzParams(f *testing.F) {
	f.Add(`<Param Name="a" Value="b &amp; &#10; c" T="mt:wstr" /><Param Name="n" Value="None" T="" />`)
	f.Add(`<Param Name="a"`)
	f.Fuzz(func(t *testing.T, text string) {
		params, err := parseParams(text)
		if err != nil {
			return
		}
		var b strings.Builder
		for name, value := range params {
			b.WriteString(`<Param Name="`)
			assert.NilError(t, xml.EscapeText(&b, []byte(name)))
			b.WriteString(`" Value="`)
			assert.NilError(t, xml.EscapeText(&b, []byte(value)))
			b.WriteString(`" T="mt:wstr" />`)
		}
		again, err := parseParams(b.String())
		assert.NilError(t, err)
		assert.DeepEqual(t, again, params)
	})
}

// FuzzTelemetry reads foreign telemetry. What is accepted names its provider and has parameters in each event.
func FuzzTelemetry(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><TelemetryData version="1.0"><Provider id="p"><Event id="1"><![CDATA[<Param Name="a" Value="b" T="mt:wstr" />]]></Event></Provider></TelemetryData>`))
	f.Add([]byte(`<TelemetryData version="1.0"><Provider id="p"><Event id="1"/></Provider></TelemetryData>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := parseTelemetry(data)
		if err != nil {
			return
		}
		assert.Assert(t, len(events) > 0)
		for _, e := range events {
			assert.Assert(t, e.Provider != "" && len(e.Params) > 0)
		}
	})
}
