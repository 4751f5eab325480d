package extension

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
)

const (
	maxStatusFile = 32 << 20        // bytes that are read at all
	shownOfBad    = 2000            // characters of a broken file that the message shows
	beingWritten  = 8 * time.Second // how long a broken file counts as one that is being written
)

// displayName is the extension's name in its status.
func (h aHandler) displayName(s goalstate.Settings) string {
	if s.Name != "" {
		return s.Name
	}
	return h.name
}

// placeholder is what is said for an extension that says nothing itself.
func (h aHandler) placeholder(s goalstate.Settings, text string) status.Extension {
	return status.Extension{
		Name: s.Name, Seq: s.Seq, DisplayName: h.displayName(s), Operation: opEnable.event,
		Status: status.Transitioning, Message: text,
	}
}

// extensionStatus is what the extension says of the wanted sequence number; found is false when it has said nothing
// yet. It never waits: a file that cannot be understood counts as half written for a moment.
func (h aHandler) extensionStatus(s goalstate.Settings) (x status.Extension, found bool) {
	file := path.Join(h.status(), settingsName(s)+".status")
	data, written, err := h.readBounded(file)
	bad := status.Extension{Name: s.Name, Seq: s.Seq, DisplayName: h.displayName(s), Status: status.Error}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h.placeholder(s, fmt.Sprintf("The agent has no status of extension %s yet", h.displayName(s))), false
	case err != nil:
		bad.Code, bad.Message = status.CodeUnknown, fmt.Sprintf("read %s: %v", path.Base(file), err)
		return bad, true
	}
	x, err = ParseStatus(data)
	if err != nil {
		if age := time.Since(written); !json.Valid(data) && age >= 0 && age < beingWritten {
			return h.placeholder(s, fmt.Sprintf("Extension %s is writing its status", h.displayName(s))), true
		}
		bad.Code, bad.Message = status.CodeInvalidStatusFile, fmt.Sprintf("%s: %v", path.Base(file), err)
		if !json.Valid(data) {
			bad.Message += ": " + clip(printable(data), shownOfBad)
		}
		return bad, true
	}
	x.Name, x.Seq, x.DisplayName = s.Name, s.Seq, h.displayName(s)
	return x, true
}

func clip(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// readBounded reads a file that an extension wrote, and says when that was.
func (h aHandler) readBounded(name string) ([]byte, time.Time, error) {
	real, err := h.e.o.Files.Follow(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	f, err := os.Open(real)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, errors.New("not a file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxStatusFile))
	return bytes.TrimPrefix(data, bom), info.ModTime(), err
}

// ParseStatus reads a status file: an array, of which the first element counts. Only what the platform can make no
// sense of is an error; an empty array is a status that says nothing. Texts of a file that is too long are cut.
func ParseStatus(data []byte) (status.Extension, error) {
	var x status.Extension
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return x, fmt.Errorf("not an array of status: %w", err)
	}
	if len(list) == 0 {
		return x, nil
	}
	var top struct {
		Status *statusBody `json:"status"`
	}
	if err := json.Unmarshal(list[0], &top); err != nil {
		return x, fmt.Errorf("status: %w", err)
	}
	body := top.Status
	if body == nil || body.Status == nil {
		return x, errors.New("status: the member status is missing")
	}
	x = status.Extension{
		AppliedTime: text(body.Applied), Operation: text(body.Operation), Status: *body.Status, Code: number(body.Code),
	}
	if !known(x.Status) {
		x.Status = status.Error
	}
	var err error
	if x.Message, err = said(body.Message); err != nil {
		return status.Extension{}, fmt.Errorf("status: %w", err)
	}
	for _, sub := range body.Substatus {
		if sub == nil {
			continue
		}
		if sub.Status == nil || !known(*sub.Status) {
			return status.Extension{}, fmt.Errorf("substatus %s: status %q is unknown", text(sub.Name), text(sub.Status))
		}
		message, err := said(sub.Message)
		if err != nil {
			return status.Extension{}, fmt.Errorf("substatus %s: %w", text(sub.Name), err)
		}
		x.Substatus = append(x.Substatus, status.Substatus{
			Name: text(sub.Name), Status: *sub.Status, Code: number(sub.Code), Message: message,
		})
	}
	if utf8.RuneCount(data) > status.MaxFile {
		x = x.Truncated()
	}
	return x, nil
}

type statusBody struct {
	Operation *string          `json:"operation"`
	Status    *string          `json:"status"`
	Code      json.RawMessage  `json:"code"`
	Applied   *string          `json:"configurationAppliedTime"`
	Message   *handler.Message `json:"formattedMessage"`
	Substatus []*struct {
		Name    *string          `json:"name"`
		Status  *string          `json:"status"`
		Code    json.RawMessage  `json:"code"`
		Message *handler.Message `json:"formattedMessage"`
	} `json:"substatus"`
}

func known(s string) bool {
	return slices.Contains([]string{status.Transitioning, status.Warning, status.Error, status.Success}, s)
}

func said(m *handler.Message) (string, error) {
	if m == nil {
		return "", nil
	}
	if m.Lang == nil || m.Text == nil {
		return "", errors.New("formattedMessage lacks lang or message")
	}
	return *m.Text, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// number is a code: a number, or a text that is one, as some extensions write.
func number(raw json.RawMessage) int {
	if len(raw) == 0 || string(raw) == "null" {
		return 0
	}
	f, err := strconv.ParseFloat(string(bytes.Trim(raw, `"`)), 64)
	if err != nil {
		return status.CodeUnknown
	}
	return int(f)
}
