package fabricsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// FuzzControl sends foreign bodies to each route that takes one. What is refused is refused with a reason, and the VM
// can still be asked about.
func FuzzControl(f *testing.F) {
	routes := []string{
		"POST /v1/vms", "PATCH /v1/vms/vm1", "PUT /v1/vms/vm1/goal-state", "PUT /v1/vms/vm1/addresses", "POST /v1/faults",
		"PUT /v1/surfaces/imds", "PUT /v1/packages/a/1.0", "POST /v1/vms/vm1/reuse",
	}
	for i, body := range []string{
		`{"id":"vm2","vmId":"d","addresses":["10.0.0.5"]}`, `{"compute":{"vmSize":"x"}}`,
		`{"extensions":[{"name":"A.B","version":"1.0","settings":{"seq":1,"public":{}}}],"users":[{"name":"a"}]}`,
		`["10.0.0.9"]`, `[{"route":"goalstate","times":1,"status":500}]`, `{"cut":true}`, "PK", "<x/>",
	} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		fab, err := fabricsim.New(fabricsim.Options{})
		assert.NilError(t, err)
		defer func() { assert.NilError(t, fab.Close()) }()
		assert.NilError(t, fab.AddVM(goal.VM{ID: "vm1", Addresses: []string{"10.0.0.4"}}))
		method, path, _ := strings.Cut(routes[int(route)%len(routes)], " ")
		w := httptest.NewRecorder()
		fab.Control().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		switch {
		case w.Code == http.StatusBadRequest || w.Code == http.StatusNotFound:
			var e control.Error
			assert.NilError(t, json.Unmarshal(w.Body.Bytes(), &e))
			assert.Assert(t, e.Message != "")
		default:
			assert.Assert(t, w.Code < 300, "%d %s", w.Code, w.Body)
		}
		w = httptest.NewRecorder()
		fab.Control().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/vms/vm1", nil))
		assert.Equal(t, w.Code, http.StatusOK)
	})
}

// FuzzBodies sends foreign bodies to what agents post to. What is refused is refused as Azure does and is in the journal.
func FuzzBodies(f *testing.F) {
	surfaces := []func(*fabricsim.Fabric) http.Handler{(*fabricsim.Fabric).WireServer, (*fabricsim.Fabric).IMDS}
	routes := []struct {
		surface int
		path    string
	}{
		{0, "/machine?comp=health"}, {0, "/machine?comp=roleProperties"}, {0, "/machine?comp=telemetrydata"}, {0, "/HealthService"},
		{0, "/provisioning/health"}, {1, "/metadata/scheduledevents?api-version=2020-07-01"},
	}
	for i, body := range []string{
		"<Health><GoalStateIncarnation>1</GoalStateIncarnation></Health>", "<RoleProperties><Container><ContainerId>x</ContainerId></Container></RoleProperties>",
		`<TelemetryData version="1.0"><Provider id="p"><Event id="1"><![CDATA[<Param Name="a" Value="b" T="mt:wstr" />]]></Event></Provider></TelemetryData>`,
		`{"Api":"reporttargethealth","Version":"1.0","Source":"x","Observations":[{"ObservationName":"a"}]}`, `{"state":"Ready","details":{"subStatus":"a"}}`,
		`{"StartRequests":[{"EventId":"E1"}]}`,
	} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		fab, err := fabricsim.New(fabricsim.Options{})
		assert.NilError(t, err)
		defer func() { assert.NilError(t, fab.Close()) }()
		assert.NilError(t, fab.AddVM(goal.VM{ID: "vm1", ScheduledEvents: []goal.ScheduledEvent{{ID: "E1", Type: "Reboot"}}}))
		to := routes[int(route)%len(routes)]
		r := httptest.NewRequest(http.MethodPost, to.path, strings.NewReader(body))
		r = r.WithContext(fabricsim.ConnContext("vm1")(r.Context(), nil))
		r.Header.Set("X-Ms-Version", "2012-11-30")
		r.Header.Set("Metadata", "true")
		w := httptest.NewRecorder()
		surfaces[to.surface](fab).ServeHTTP(w, r)
		if w.Code < 300 {
			assert.Equal(t, fab.Journal().ClientErrors(), int64(0))
			return
		}
		assert.Equal(t, w.Code, http.StatusBadRequest, w.Body.String())
		assert.Equal(t, fab.Journal().ClientErrors(), int64(1))
		assert.Assert(t, strings.Contains(w.Body.String(), "<Code>") || strings.Contains(w.Body.String(), "Bad request"), w.Body.String())
	})
}
