package goalstate_test

import (
	"bytes"
	"testing"

	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
)

// BenchmarkIdlePoll is what the agent does every six seconds when nothing has changed.
func BenchmarkIdlePoll(b *testing.B) {
	b.ReportAllocs()
	f := benchFake(b)
	for b.Loop() {
		if _, err := f.fetcher.Fetch(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchFake(b *testing.B) *fake {
	f := &fake{wire: new(Script), host: new(Script), log: new(bytes.Buffer), root: b.TempDir()}
	f.start()
	f.incarnation("1", true)
	f.extensions(1, "Contoso.A")
	f.wire.On("GET /host", Say("<HostingEnvironmentConfig/>"))
	f.wire.On("GET /shared", Say("<SharedConfig/>"))
	f.settings("9", "Fabric", 0)
	return f
}
