package status_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/status"
)

var noon = time.Date(2031, 2, 3, 12, 0, 0, 0, time.UTC)

func full() status.Report {
	return status.Report{
		Time:         noon,
		OS:           status.OS{ComputerName: "vm1", Name: "debian", Version: "12.5"},
		AgentVersion: "3.0.0.0",
		Update:       &status.Update{ExpectedVersion: "3.0.0.0", Status: "Success"},
		Features:     []status.Feature{{Key: "MultipleExtensionsPerHandler", Value: "1.0"}, {Key: "FastTrack", Value: "1.0"}},
		GoalState:    &status.GoalState{Time: noon.Add(-time.Minute), SvdSeqNo: "7", Status: "Success", Message: "GoalState executed successfully"},
		Handlers: []status.Handler{
			{Name: "Contoso.Plain", Version: "1.0.0", Status: status.Ready, Message: "Plugin enabled"},
			{Name: "Contoso.Hello", Version: "1.2.3", Status: status.Ready, Extension: &status.Extension{
				Seq: 3, DisplayName: "Contoso.Hello", AppliedTime: "2031-02-03T11:00:00Z", Operation: "Enable", Status: status.Success,
				Message:   "grüß 😀 <https://a.blob.test/b?sv=1&sig=SECRET>",
				Substatus: []status.Substatus{{Name: "s1", Status: status.Success, Message: "m"}, {Name: "s2", Status: status.Error, Code: 4}},
			}},
			{Name: "Contoso.Multi", Version: "1.2.0", Status: status.NotReady, Code: -1, Message: "broken", Extension: &status.Extension{
				Name: "jobA", Seq: 1, DisplayName: "jobA",
			}},
		},
	}
}

func TestBlobIsTheDocumentThePlatformReads(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]status.Report{
		"full": full(),
		"bare": {Time: noon, AgentVersion: "3.0.0.0", OS: status.OS{ComputerName: "vm1", Name: "debian", Version: "12"}},
		"fasttrack": {Time: noon, AgentVersion: "3.0.0.0", GoalState: &status.GoalState{
			Time: noon, SvdSeqNo: json.Number("9007199254740993"), Status: "Failed", Code: status.CodeUnsupportedFeatures, Message: "no"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := r.Blob()
			assert.NilError(t, err)
			golden.AssertBytes(t, got, name+".json.golden")
		})
	}
}

func TestBlobSaysNothingSecretAndIsASCII(t *testing.T) {
	t.Parallel()
	got, err := full().Blob()
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(string(got), "SECRET"))
	for _, c := range got {
		assert.Assert(t, c < 128)
	}
	var back map[string]any
	assert.NilError(t, json.Unmarshal(got, &back))
	assert.Assert(t, strings.Contains(strings.ReplaceAll(string(got), `\ud83d\ude00`, "SMILE"), "gr\\u00fc\\u00df SMILE"))
}

func TestTruncatedCutsTextsAndDropsWhatNoLongerFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 20000)
	x := status.Extension{Message: long}
	for range 20 {
		x.Substatus = append(x.Substatus, status.Substatus{Name: "n", Status: "success", Message: long})
	}
	got := x.Truncated()
	assert.Equal(t, got.Message, strings.Repeat("é", 1024)+" ... [TRUNCATED]")
	assert.Equal(t, got.Substatus[0].Message, strings.Repeat("é", 10240)+" ... [TRUNCATED]")
	assert.Equal(t, len(got.Substatus), 12)
	assert.Equal(t, len(x.Substatus), 20)

	atLimit := status.Extension{Message: strings.Repeat("a", 1024)}.Truncated().Message
	assert.Assert(t, strings.HasSuffix(atLimit, "[TRUNCATED]"))
	assert.Equal(t, status.Extension{Message: "short"}.Truncated().Message, "short")
}

func FuzzBlob(f *testing.F) {
	f.Add("hello", "Contoso.X", "wörld")
	f.Fuzz(func(t *testing.T, message, name, sub string) {
		r := status.Report{Time: noon, Handlers: []status.Handler{{Name: name, Message: message, Extension: &status.Extension{
			Status: status.Success, Message: message, Substatus: []status.Substatus{{Name: sub}}}}}}
		doc, err := r.Blob()
		assert.NilError(t, err)
		assert.Assert(t, json.Valid(doc), "%s", doc)
	})
}
