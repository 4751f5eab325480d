package extension

import (
	"encoding/json"
	"errors"
	"path"
	"time"

	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// heartbeatStale is the age at which a heartbeat says that the handler hangs.
const heartbeatStale = 600 * time.Second

// heartbeat lets a handler that promised heartbeats speak for itself.
func (h aHandler) heartbeat(entry status.Handler, disallowed bool) status.Handler {
	if h.state() == notInstalled {
		return entry
	}
	m, err := h.manifest()
	if err != nil || !bool(m.Handler.ReportHeartbeat) {
		return entry
	}
	data, beat, err := h.readBounded(path.Join(h.base(), handler.HeartbeatFile))
	var said heartbeat
	if err == nil {
		said, err = parseHeartbeat(data)
	}
	switch {
	case err != nil && entry.Status == status.Ready:
		entry.Status, entry.Code = status.NotReady, status.CodeUnknown
		entry.Message = "no heartbeat of the handler: " + err.Error()
	case err != nil:
	case disallowed:
		entry.Message += "; " + said.message
	case time.Since(beat) > heartbeatStale:
		entry.Status = status.Unresponsive
	default:
		entry.Status = said.status
		if said.hasMessage {
			entry.Message = said.message
		}
	}
	return entry
}

type heartbeat struct {
	status, message string
	hasMessage      bool
}

// parseHeartbeat reads heartbeat.log; any status is passed on as it is.
func parseHeartbeat(data []byte) (heartbeat, error) {
	var list []struct {
		Heartbeat *struct {
			Status  *string          `json:"status"`
			Message *handler.Message `json:"formattedMessage"`
		} `json:"heartbeat"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return heartbeat{}, err
	}
	if len(list) == 0 || list[0].Heartbeat == nil || list[0].Heartbeat.Status == nil {
		return heartbeat{}, errors.New("heartbeat.log has no heartbeat with a status")
	}
	b := heartbeat{status: *list[0].Heartbeat.Status}
	if m := list[0].Heartbeat.Message; m != nil {
		b.message, b.hasMessage = text(m.Text), true
	}
	return b, nil
}
