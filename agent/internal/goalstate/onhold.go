package goalstate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/secret"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// onHold asks the artifacts profile whether this goal state waits; whatever cannot be read does not.
func (f *Fetcher) onHold(ctx context.Context, uri secret.Text) bool {
	if uri.IsZero() || f.Profile == nil {
		return false
	}
	body, err := f.Profile(ctx, uri)
	if err == nil {
		var hold bool
		if hold, err = ParseArtifactsProfile(body); err == nil {
			return hold
		}
	}
	f.Log.Warn("Cannot read the artifacts profile: the goal state is not on hold", "error", err)
	return false
}

// ParseArtifactsProfile reads the profile blob, which as a page blob ends in NULs or blanks.
func ParseArtifactsProfile(body []byte) (onHold bool, err error) {
	body = bytes.TrimRight(fabric.TrimBOM(body), "\x00 \t\r\n")
	if len(body) == 0 {
		return false, nil
	}
	var p wireserver.ArtifactsProfile
	if err := json.Unmarshal(body, &p); err != nil {
		return false, fmt.Errorf("read artifacts profile: %w", where(err))
	}
	switch text := strings.ToLower(strings.Trim(string(p.OnHold), `"`)); text {
	case "true":
		return true, nil
	case "false", "null", "":
		return false, nil
	default:
		return false, fmt.Errorf("read artifacts profile: onHold is %.40q", text)
	}
}
