package fabricsim_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

const eventsURL, metadata = imdsURL + "/metadata/scheduledevents?api-version=", "Metadata: true"

// scheduled is the document of scheduled events.
type scheduled struct {
	DocumentIncarnation int
	Events              []map[string]any
}

func (g *guest) scheduled(version string) (s scheduled) {
	g.t.Helper()
	status, body, _ := g.ask("GET", eventsURL+version, "", metadata)
	assert.Equal(g.t, status, 200, body)
	assert.NilError(g.t, json.Unmarshal([]byte(body), &s))
	return s
}

func TestAScheduledEventIsApprovedAndStartsAndIsGone(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	assert.DeepEqual(t, g.scheduled("2020-07-01"), scheduled{1, []map[string]any{}})
	api, stop := control.InProcess(g.f.Control())
	t.Cleanup(stop)
	_, err := api.UpdateVM(t.Context(), "web01", map[string]any{"scheduled_events": []map[string]any{
		{"id": "E1", "type": "Freeze", "not_before": "2100-01-02T03:04:05Z", "description": "A freeze.", "seconds": 9, "resources": []string{"web01", "web02"}},
		{"id": "E2", "type": "Terminate", "not_before": "2100-01-02T03:04:05Z", "source": "User"},
	}})
	assert.NilError(t, err)
	first := map[string]any{
		"EventId": "E1", "EventStatus": "Scheduled", "EventType": "Freeze", "ResourceType": "VirtualMachine", "Resources": []any{"web01", "web02"},
		"NotBefore": "Sat, 02 Jan 2100 03:04:05 GMT", "Description": "A freeze.", "EventSource": "Platform", "DurationInSeconds": 9.0,
	}
	now := g.scheduled("2020-07-01")
	assert.Equal(t, now.DocumentIncarnation, 2)
	assert.DeepEqual(t, now.Events[0], first)
	assert.Equal(t, now.Events[1]["EventSource"], "User")
	assert.Equal(t, now.Events[1]["DurationInSeconds"], -1.0)

	approval := `{"StartRequests":[{"EventId":"E1"}]}`
	for range 2 { // once more is no mistake: another VM may have been first
		status, body, _ := g.ask("POST", eventsURL+"2020-07-01", approval, metadata)
		assert.Equal(t, status, 200, body)
	}
	now = g.scheduled("2020-07-01")
	assert.Equal(t, now.DocumentIncarnation, 3)
	first["EventStatus"], first["NotBefore"] = "Started", ""
	assert.DeepEqual(t, now.Events[0], first)
	assert.Equal(t, g.vm().Spec.ScheduledEvents[0].Status, goal.EventStarted)

	_, err = api.UpdateVM(t.Context(), "web01", map[string]any{"admin_user": "alice"})
	assert.NilError(t, err)
	assert.Equal(t, g.scheduled("2020-07-01").DocumentIncarnation, 3, "nothing happened to the events")
	_, err = api.UpdateVM(t.Context(), "web01", map[string]any{"scheduled_events": []any{}})
	assert.NilError(t, err)
	assert.DeepEqual(t, g.scheduled("2020-07-01"), scheduled{4, []map[string]any{}})
	g.clean()

	_, err = api.UpdateVM(t.Context(), "web01", map[string]any{"scheduled_events": []map[string]any{{"type": "Earthquake"}}})
	assert.ErrorContains(t, err, "Earthquake")
}

func TestEventsAreToldInTheWordsOfTheirVersion(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01", ScheduledEvents: []goal.ScheduledEvent{
		{Type: "Reboot"}, {Type: "Preempt"}, {Type: "Terminate"},
	}})
	for version, want := range map[string]struct {
		events, members int
		resource        string
	}{
		"2017-03-01": {1, 6, "_web01"}, "2017-08-01": {1, 6, "web01"}, "2017-11-01": {2, 6, "web01"}, "2019-01-01": {3, 6, "web01"},
		"2019-04-01": {3, 7, "web01"}, "2019-08-01": {3, 8, "web01"}, "2020-07-01": {3, 9, "web01"},
	} {
		events := g.scheduled(version).Events
		assert.Equal(t, len(events), want.events, version)
		assert.Equal(t, len(events[0]), want.members, version)
		assert.DeepEqual(t, events[0]["Resources"], []any{want.resource})
	}
	g.clean()
}

func TestAnEventStartsWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := fabricsim.New(fabricsim.Options{})
		assert.NilError(t, err)
		defer f.Close()
		assert.NilError(t, f.AddVM(goal.VM{ID: "web01", Addresses: []string{"10.0.0.4"}, ScheduledEvents: []goal.ScheduledEvent{{Type: "Redeploy"}, {Type: "Reboot"}}}))
		ask := func() string {
			r, w := httptest.NewRequest("GET", eventsURL+"2017-08-01", nil), httptest.NewRecorder()
			r.RemoteAddr = "10.0.0.4:1"
			r.Header.Set("Metadata", "true")
			f.IMDS().ServeHTTP(w, r)
			return w.Body.String()
		}
		assert.Assert(t, strings.HasPrefix(ask(), `{"DocumentIncarnation":1,`), ask())
		assert.Equal(t, strings.Count(ask(), `"Scheduled"`), 2)
		time.Sleep(10*time.Minute - time.Second)
		assert.Equal(t, strings.Count(ask(), `"Scheduled"`), 2)
		time.Sleep(time.Second)
		assert.Assert(t, strings.HasPrefix(ask(), `{"DocumentIncarnation":2,`), ask())
		assert.Equal(t, strings.Count(ask(), `"Started"`), 1)
		time.Sleep(5 * time.Minute)
		assert.Equal(t, strings.Count(ask(), `"Started"`), 2)
	})
}

func TestWrongApprovalsAreRefused(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01", ScheduledEvents: []goal.ScheduledEvent{{ID: "E1", Type: "Reboot"}}})
	approve := func(name, body, code string) refusal {
		return refusal{name, "POST", eventsURL + "2020-07-01", body, []string{metadata}, 400, code}
	}
	refuse(t, g, []refusal{
		approve("nothing", "", "StartRequests"),
		approve("no JSON", "E1", "StartRequests"),
		approve("no requests", `{"DocumentIncarnation":1}`, "StartRequests"),
		approve("a number", `{"StartRequests":[{"EventId":1}]}`, "StartRequests"),
		approve("an event nobody announced", `{"StartRequests":[{"EventId":"E1"},{"EventId":"E9"}]}`, "E9"),
		{"no header", "POST", eventsURL + "2020-07-01", `{"StartRequests":[{"EventId":"E1"}]}`, nil, 400, "metadata header"},
		{"a version of instance metadata", "GET", eventsURL + "2021-08-01", "", []string{metadata}, 400, "2020-07-01"},
		{"a version without attestation", "GET", imdsURL + "/metadata/attested/document?api-version=2018-04-02", "", []string{metadata}, 400, "newest-versions"},
	})
	assert.Equal(t, g.scheduled("2020-07-01").DocumentIncarnation, 1)
}

// attestation asks for an attested document and has openssl check it as the docs tell people to.
func (g *guest) attestation(query string) (content string) {
	g.t.Helper()
	status, body, _ := g.ask("GET", imdsURL+"/metadata/attested/document?"+query, "", metadata)
	assert.Equal(g.t, status, 200, body)
	var doc struct{ Encoding, Signature string }
	assert.NilError(g.t, json.Unmarshal([]byte(body), &doc))
	assert.Equal(g.t, doc.Encoding, "pkcs7")
	der, err := base64.StdEncoding.DecodeString(doc.Signature)
	assert.NilError(g.t, err)
	dir := g.t.TempDir()
	assert.NilError(g.t, os.WriteFile(filepath.Join(dir, "ca.pem"), g.f.CA(), 0o600))
	cmd := exec.CommandContext(g.t.Context(), "openssl", "cms", "-verify", "-inform", "DER", "-CAfile", "ca.pem", "-purpose", "any", "-signer", "signer.pem")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(string(der))
	var out, complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaint
	assert.NilError(g.t, cmd.Run(), complaint.String())
	cmd = exec.CommandContext(g.t.Context(), "openssl", "x509", "-in", "signer.pem", "-noout", "-subject")
	cmd.Dir = dir
	subject, err := cmd.Output()
	assert.NilError(g.t, err)
	assert.Equal(g.t, strings.ReplaceAll(strings.TrimSpace(string(subject)), " ", ""), "subject=CN=metadata.azure.com")
	return out.String()
}

func TestAttestedDocumentsAreSigned(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01", Compute: map[string]string{"sku": "12", "licenseType": "RHEL_BYOS", "subscriptionId": "S"}})
	read := func(query string) (members map[string]any) {
		assert.NilError(t, json.Unmarshal([]byte(g.attestation(query)), &members))
		return members
	}
	members := read("api-version=2021-02-01&nonce=1234567890")
	stamp := members["timeStamp"].(map[string]any)
	const form = "01/02/06 15:04:05 -0700"
	created, err := time.Parse(form, stamp["createdOn"].(string))
	assert.NilError(t, err)
	expires, err := time.Parse(form, stamp["expiresOn"].(string))
	assert.NilError(t, err)
	assert.Equal(t, expires.Sub(created), 6*time.Hour)
	assert.Assert(t, time.Since(created) < time.Minute)
	delete(members, "timeStamp")
	want := map[string]any{
		"licenseType": "RHEL_BYOS", "nonce": "1234567890", "plan": map[string]any{"name": "", "product": "", "publisher": ""},
		"sku": "12", "subscriptionId": "S", "vmId": g.vm().Spec.VMID,
	}
	assert.DeepEqual(t, members, want)

	members = read("api-version=2018-10-01")
	_, err = time.Parse("20060102-150405", members["nonce"].(string))
	assert.NilError(t, err)
	assert.Equal(t, len(members), 4)
	assert.Equal(t, len(read("api-version=2019-04-30")), 5)
	assert.Equal(t, len(read("api-version=2019-11-01")), 6)
	g.clean()
}
