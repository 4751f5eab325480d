package fabricsim

import (
	"context"
	"net"
	"net/http"

	"github.com/waagent-go/waagent/fabricsim/journal"
)

type askerKey struct{}

// ConnContext is for http.Server.ConnContext of a listener that only one VM can reach: whoever asks there is that VM.
// Elsewhere the VM is known by its source address.
func ConnContext(vmID string) func(context.Context, net.Conn) context.Context {
	return func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, askerKey{}, vmID)
	}
}

// who says which VM asks, "" if none is known.
func (f *Fabric) who(r *http.Request) string {
	if id, ok := r.Context().Value(askerKey{}).(string); ok {
		return id
	}
	return f.world.VMOf(journal.SourceIP(r))
}
