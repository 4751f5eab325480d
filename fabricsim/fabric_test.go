package fabricsim_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// guest asks a fabric as a VM's agent would.
type guest struct {
	t                              *testing.T
	f                              *fabricsim.Fabric
	wire, hostga, imds, blobs, ssl *httptest.Server
	http                           *http.Client
}

// boot adds a VM and serves the fabric to it alone.
func boot(t *testing.T, f *fabricsim.Fabric, vm goal.VM) *guest {
	t.Helper()
	assert.NilError(t, f.AddVM(vm))
	g := &guest{t: t, f: f}
	start := func(h http.Handler, config *tls.Config) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ConnContext = fabricsim.ConnContext(vm.ID)
		s.Config.ErrorLog = nil
		if config != nil {
			s.TLS = config
			s.StartTLS()
		} else {
			s.Start()
		}
		t.Cleanup(s.Close)
		return s
	}
	g.wire, g.hostga, g.imds = start(f.WireServer(), nil), start(f.HostGA(), nil), start(f.IMDS(), nil)
	g.blobs, g.ssl = start(f.Blobs(), nil), start(f.Blobs(), f.TLSConfig())
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(f.CA())
	g.http = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true,
		DialContext: (&router{g}).dial,
	}}
	return g
}

// ask makes a request with header lines "name: value" and returns status and body.
func (g *guest) ask(method, url, body string, headers ...string) (int, string, http.Header) {
	g.t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	assert.NilError(g.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header[name] = []string{value} // as spelled: some clients are
	}
	resp, err := g.http.Do(req)
	assert.NilError(g.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	assert.NilError(g.t, err)
	return resp.StatusCode, string(text), resp.Header
}

const wireURL, hostURL, imdsURL = "http://168.63.129.16", "http://168.63.129.16:32526", "http://169.254.169.254"

var wireHeaders = []string{"x-ms-version: 2012-11-30", "x-ms-agent-name: WALinuxAgent"}

func (g *guest) goalState() wireserver.GoalState {
	g.t.Helper()
	status, text, _ := g.ask("GET", wireURL+wireserver.PathGoalState, "", wireHeaders...)
	assert.Equal(g.t, status, 200, text)
	var gs wireserver.GoalState
	assert.NilError(g.t, xml.Unmarshal([]byte(text), &gs))
	return gs
}

func (g *guest) hostHeaders() []string {
	gs := g.goalState()
	return []string{
		"x-ms-version: 2015-09-01", "x-ms-containerid: " + gs.Container.ContainerID,
		"x-ms-host-config-name: " + gs.Container.RoleInstances[0].Configuration.ConfigName,
	}
}

func (g *guest) extensions() wireserver.ExtensionsConfig {
	g.t.Helper()
	status, text, _ := g.ask("GET", g.goalState().Container.RoleInstances[0].Configuration.ExtensionsConfig, "", wireHeaders...)
	assert.Equal(g.t, status, 200, text)
	var e wireserver.ExtensionsConfig
	assert.NilError(g.t, xml.Unmarshal([]byte(text), &e))
	return e
}

func (g *guest) vm() control.VM {
	g.t.Helper()
	vm, err := g.f.WaitVM(g.t.Context(), g.f.VMs()[0], -1)
	assert.NilError(g.t, err)
	return vm
}

// clean fails the test if anything was asked that Azure would have rejected.
func (g *guest) clean() {
	g.t.Helper()
	for _, e := range g.f.Journal().From(1, 0) {
		assert.Assert(g.t, !e.ClientError, "%+v", e)
	}
}

func newFabric(t *testing.T) *fabricsim.Fabric {
	t.Helper()
	f, err := fabricsim.New(fabricsim.Options{})
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, f.Close()) })
	return f
}

func hello() goal.State {
	return goal.State{Extensions: []goal.Extension{{
		Name: "Contoso.Hello", Version: "1.2.0", Files: map[string][]byte{"HandlerManifest.json": []byte("[]")},
		Settings: &goal.Settings{Seq: 3, Public: goal.JSON(`{"name":"<w&b>"}`), Protected: goal.JSON(`{"token":"s3cret"}`)},
	}}}
}

func TestAFabricGoalStateIsServedInAllItsDocuments(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	assert.NilError(t, g.f.SetGoalState("web01", hello()))

	gs := g.goalState()
	assert.Equal(t, gs.Incarnation, "2")
	config := gs.Container.RoleInstances[0].Configuration
	for _, url := range []string{config.HostingEnvironmentConfig, config.SharedConfig, config.FullConfig} {
		status, text, _ := g.ask("GET", url, "", wireHeaders...)
		assert.Equal(t, status, 200, text)
	}
	e := g.extensions()
	assert.Equal(t, e.Plugins[0].Name, "Contoso.Hello")
	var settings wireserver.SettingsDocument
	assert.NilError(t, json.Unmarshal([]byte(e.PluginSettings[0].RuntimeSettings[0].Text.Reveal()), &settings))
	assert.Equal(t, string(settings.RuntimeSettings[0].HandlerSettings.Public), `{"name":"<w&b>"}`)

	status, text, _ := g.ask("GET", e.Plugins[0].Location, "")
	assert.Equal(t, status, 200, text)
	var manifest wireserver.Manifest
	assert.NilError(t, xml.Unmarshal([]byte(text), &manifest))
	assert.Equal(t, manifest.Plugins[0].Version, "1.2.0")
	status, text, _ = g.ask("GET", manifest.Plugins[0].URIs[0], "")
	assert.Equal(t, status, 200)
	assert.Equal(t, text[:2], "PK")

	via := append(g.hostHeaders(), "x-ms-artifact-location: "+manifest.Plugins[0].URIs[0])
	status, same, _ := g.ask("GET", hostURL+"/extensionArtifact", "", via...)
	assert.Equal(t, status, 200, same)
	assert.Equal(t, same, text)
	g.clean()
}

func TestFastTrackChangesTheETagAndNotTheIncarnation(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	read := func(etag string) (int, hostga.VMSettings, string) {
		headers := g.hostHeaders()
		if etag != "" {
			headers = append(headers, "if-none-match: "+etag)
		}
		status, text, h := g.ask("GET", hostURL+"/vmSettings", "", headers...)
		var v hostga.VMSettings
		if status == 200 {
			assert.NilError(t, json.Unmarshal([]byte(text), &v))
		}
		return status, v, h.Get("ETag")
	}
	status, v, etag := read("")
	assert.Equal(t, status, 200)
	assert.Equal(t, v.Source, hostga.SourceFabric)
	status, _, _ = read(etag)
	assert.Equal(t, status, 304)

	s := hello()
	s.Channel = goal.FastTrack
	assert.NilError(t, g.f.SetGoalState("web01", s))
	status, v, next := read(etag)
	assert.Equal(t, status, 200)
	assert.Assert(t, next != etag)
	assert.Equal(t, v.Source, hostga.SourceFastTrack)
	assert.Equal(t, *v.Extensions[0].SettingsSeqNo, 3)
	assert.Equal(t, *v.Extensions[0].Settings[0].Public, `{"name":"<w&b>"}`)
	assert.Assert(t, v.Extensions[0].Settings[0].Protected.Reveal() != "")
	assert.Equal(t, g.goalState().Incarnation, "1")
	assert.Equal(t, g.vm().GoalStateID, "etag_"+next)
	g.clean()
}

func TestReportsAreKept(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	gs := g.goalState()
	id := gs.Container.RoleInstances[0].InstanceID
	health := wireserver.Health{Incarnation: "1", Container: wireserver.HealthContainer{ContainerID: gs.Container.ContainerID, Roles: []wireserver.HealthRole{
		{InstanceID: id, State: "NotReady", Details: &wireserver.HealthDetails{SubStatus: "Provisioning", Description: "Starting"}},
	}}}
	text, err := xml.Marshal(health)
	assert.NilError(t, err)
	for _, path := range []string{"/machine?comp=health", "/machine/?comp=health"} {
		status, body, _ := g.ask("POST", wireURL+path, string(text), wireHeaders...)
		assert.Equal(t, status, 200, body)
	}
	assert.Assert(t, !g.vm().Ready())
	status, body, _ := g.ask("POST", wireURL+"/provisioning/health", `{"state":"Ready"}`)
	assert.Equal(t, status, 201, body)
	assert.Assert(t, g.vm().Ready())
	assert.Equal(t, g.vm().Health[0].SubStatus, "Provisioning")

	properties, err := xml.Marshal(wireserver.RoleProperties{ContainerID: gs.Container.ContainerID, Instances: []wireserver.RolePropertyInstance{
		{ID: id, Properties: []wireserver.RoleProperty{{Name: "CertificateThumbprint", Value: "aabb"}}},
	}})
	assert.NilError(t, err)
	status, body, _ = g.ask("POST", wireURL+wireserver.PathRoleProperties, string(properties), wireHeaders...)
	assert.Equal(t, status, 202, body)
	assert.Equal(t, g.vm().Properties["CertificateThumbprint"], "aabb")

	status, body, _ = g.ask("POST", wireURL+wireserver.PathTelemetry, `<?xml version="1.0"?><TelemetryData version="1.0"><Provider id="P"><Event id="1"><![CDATA[<Param Name="Name" Value="WALinux&amp;Agent" T="mt:wstr" /><Param Name="Duration" Value="5" T="mt:uint64" />]]></Event></Provider></TelemetryData>`, wireHeaders...)
	assert.Equal(t, status, 200, body)
	events, err := g.f.Events("web01", 0)
	assert.NilError(t, err)
	assert.Equal(t, events[0].Params["Name"], "WALinux&Agent")

	status, body, _ = g.ask("POST", wireURL+"/HealthService", `{"Api":"reporttargethealth","Version":"1.0","Source":"WALinuxAgent","Observations":[{"ObservationName":"GuestAgentPluginHeartbeat","IsHealthy":true,"Description":"","Value":""}]}`)
	assert.Equal(t, status, 200, body)
	assert.Equal(t, g.vm().Observations[0].Count, 1)
	g.clean()
}

const statusText = `{"version":"1.1","timestampUTC":"2026-01-02T03:04:05Z","aggregateStatus":{"guestAgentStatus":{"version":"3.0.0.0","status":"Ready","formattedMessage":{"lang":"en-US","message":"x"}},"handlerAggregateStatus":[{"handlerName":"Contoso.Hello","handlerVersion":"1.2.0","status":"Ready","code":0,"useExactVersion":true,"runtimeSettingsStatus":{"sequenceNumber":3,"settingsStatus":{"status":{"name":"Contoso.Hello","operation":"Enable","status":"success","code":0,"configurationAppliedTime":null,"formattedMessage":{"lang":"en-US","message":null}},"version":1.0,"timestampUTC":"2026-01-02T03:04:05Z"}}}]},"guestOSInfo":{"computerName":"web01","osName":"debian","osVersion":"12","version":"3.0.0.0"}}`

func TestStatusComesThroughTheHostAndDirectly(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	blob := g.extensions().StatusUploadBlob
	upload := func(content *string, uri string, headers ...string) {
		u := hostga.StatusUpload{RequestURI: uri}
		if content != nil {
			encoded := base64.StdEncoding.EncodeToString([]byte(*content))
			u.Content = &encoded
		}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			u.Headers = append(u.Headers, hostga.BlobHeader{Name: name, Value: value})
		}
		text, err := json.Marshal(u)
		assert.NilError(t, err)
		status, body, _ := g.ask("PUT", hostURL+"/status", string(text), append(g.hostHeaders(), "Content-Type: application/json")...)
		assert.Equal(t, status, 200, body)
	}
	text := statusText
	upload(&text, blob.URI.Reveal(), fmt.Sprintf("Content-Length: %d", len(text)), "x-ms-blob-type: BlockBlob", "x-ms-version: 2014-02-14")
	assert.Equal(t, g.vm().ExtensionStatus("Contoso.Hello", ""), "success")
	assert.Equal(t, g.vm().Status.Via, "host")

	status, body, _ := g.ask("PUT", blob.URI.Reveal(), statusText, "x-ms-blob-type: BlockBlob", "x-ms-version: 2014-02-14")
	assert.Equal(t, status, 201, body)
	assert.Equal(t, g.vm().Status.Via, "direct")

	padded := statusText + strings.Repeat(" ", 512-len(statusText)%512)
	upload(nil, blob.URI.Reveal(), "Content-Length: 0", "x-ms-blob-type: PageBlob", fmt.Sprintf("x-ms-blob-content-length: %d", len(padded)), "x-ms-version: 2014-02-14")
	upload(&padded, blob.URI.Reveal()+"&comp=page", fmt.Sprintf("Content-Length: %d", len(padded)), fmt.Sprintf("x-ms-range: bytes=0-%d", len(padded)-1), "x-ms-page-write: update", "x-ms-version: 2014-02-14")
	assert.Equal(t, g.vm().StatusCount, 3)
	g.clean()
}

func TestTwoVMsNeverSeeEachOthersDocuments(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	one, two := boot(t, f, goal.VM{ID: "one"}), boot(t, f, goal.VM{ID: "two"})
	assert.NilError(t, f.SetGoalState("one", hello()))
	assert.Equal(t, len(two.extensions().Plugins), 0)
	config := one.goalState().Container.RoleInstances[0].Configuration
	status, _, _ := two.ask("GET", config.ExtensionsConfig, "", wireHeaders...)
	assert.Equal(t, status, 404)
	status, _, _ = two.ask("GET", hostURL+"/vmSettings", "", one.hostHeaders()...)
	assert.Equal(t, status, 400)
}

func TestServiceHealingMakesOldIdsStaleAndNotWrong(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	old, config := g.hostHeaders(), g.goalState().Container.RoleInstances[0].Configuration
	assert.NilError(t, g.f.Redeploy("web01"))
	status, body, _ := g.ask("GET", hostURL+"/vmSettings", "", old...)
	assert.Equal(t, status, 400)
	assert.Assert(t, strings.Contains(body, hostga.InvalidContainerConfiguration), body)
	status, _, _ = g.ask("GET", config.SharedConfig, "", wireHeaders...)
	assert.Equal(t, status, 410)
	status, _, _ = g.ask("GET", hostURL+"/vmSettings", "", g.hostHeaders()...)
	assert.Equal(t, status, 200)
	g.clean()
}

func TestStorageCanBeCutOffAlone(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	assert.NilError(t, g.f.SetGoalState("web01", hello()))
	location := g.extensions().Plugins[0].Location
	assert.NilError(t, g.f.CutOff("blobs", true))
	_, err := g.http.Get(location)
	assert.Assert(t, err != nil)
	status, _, _ := g.ask("GET", hostURL+"/extensionArtifact", "", append(g.hostHeaders(), "x-ms-artifact-location: "+location)...)
	assert.Equal(t, status, 200)
	assert.NilError(t, g.f.CutOff("blobs", false))
	status, _, _ = g.ask("GET", location, "")
	assert.Equal(t, status, 200)
}

func TestTheCertificateOfStorageCanBeSpoilt(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{
		"expired": "expired", "wrong-name": "certificate is valid for", "unknown-ca": "unknown authority",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			g := boot(t, newFabric(t), goal.VM{ID: "web01"})
			location := g.extensions().Families[0].URIs[0]
			assert.NilError(t, g.f.AddFaults(fault.Step{Route: "tls", Certificate: how}))
			_, err := g.http.Get(location)
			assert.ErrorContains(t, err, want)
			status, _, _ := g.ask("GET", location, "")
			assert.Equal(t, status, 200)
		})
	}
}

func TestThePreviousDocumentIsServedWhenAskedTo(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	assert.NilError(t, g.f.SetGoalState("web01", hello()))
	assert.NilError(t, g.f.AddFaults(fault.Step{Route: "goalstate", Stale: true}))
	assert.Equal(t, g.goalState().Incarnation, "1")
	assert.Equal(t, g.goalState().Incarnation, "2")
}

func TestAStrangerGets410ForAGoalStateAnd404Elsewhere(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	for h, want := range map[string]int{"/machine/?comp=goalstate": 410, "/machine?comp=nothing": 404, "/HealthService": 405} {
		r := httptest.NewRequest("GET", wireURL+h, nil)
		w := httptest.NewRecorder()
		f.WireServer().ServeHTTP(w, r)
		assert.Equal(t, w.Code, want, h)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", imdsURL+"/metadata/instance?api-version=2021-08-01", nil)
	r.Header.Set("Metadata", "true")
	f.IMDS().ServeHTTP(w, r)
	assert.Equal(t, w.Code, 404)
	assert.Equal(t, f.Journal().ClientErrors(), int64(4))
}

func TestAVMIsKnownByItsSourceAddress(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	assert.NilError(t, f.AddVM(goal.VM{ID: "web01", Addresses: []string{"10.0.0.7"}}))
	r := httptest.NewRequest("GET", wireURL+"/machine/?comp=goalstate", nil)
	r.RemoteAddr = net.JoinHostPort("10.0.0.7", "1234")
	r.Header.Set("x-ms-version", "2012-11-30")
	w := httptest.NewRecorder()
	f.WireServer().ServeHTTP(w, r)
	assert.Equal(t, w.Code, 200)
	assert.Assert(t, bytes.Contains(w.Body.Bytes(), []byte("http://168.63.129.16:80/machine/")), w.Body.String())
}

func TestTheControlAPISteersAFabric(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	c, stop := control.InProcess(f.Control())
	defer stop()
	ctx := t.Context()
	vm, err := c.AddVM(ctx, goal.VM{ID: "web01", Addresses: []string{"10.0.0.7"}})
	assert.NilError(t, err)
	assert.Equal(t, vm.Incarnation, 1)
	vm, err = c.SetGoalState(ctx, "web01", hello())
	assert.NilError(t, err)
	assert.Equal(t, vm.GoalStateID, "incarnation_2")
	_, err = c.VM(ctx, "nobody")
	assert.ErrorContains(t, err, "no such VM")

	assert.NilError(t, c.AddFaults(ctx, fault.Step{Route: "versions", Status: 500}))
	states, err := c.Faults(ctx)
	assert.NilError(t, err)
	assert.Assert(t, states[0].Unused())
	assert.NilError(t, c.ClearFaults(ctx))

	f.WireServer().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", wireURL+"/?comp=versions", nil))
	entries, err := c.Journal(ctx, 1, 0, 0)
	assert.NilError(t, err)
	assert.Equal(t, entries[0].Route, "versions")

	assert.NilError(t, c.PutPackage(ctx, "Contoso.Shared", "2.0.0", []byte("PK")))
	list, err := c.Blobs(ctx)
	assert.NilError(t, err)
	assert.Assert(t, len(list) > 2)
	data, err := c.Blob(ctx, "packages", "_all/Contoso.Shared__2.0.0.zip")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "PK")

	ca, err := c.CA(ctx)
	assert.NilError(t, err)
	assert.DeepEqual(t, ca, f.CA())
}

func TestAGuestsPortIsReachedThroughTheAPI(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.Copy(conn, conn) //nolint:errcheck // an echo
	}()
	c, stop := control.InProcess(newFabric(t).Control())
	defer stop()
	conn, err := c.Dial(t.Context(), l.Addr().String())
	assert.NilError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("hello"))
	assert.NilError(t, err)
	got := make([]byte, 5)
	_, err = io.ReadFull(conn, got)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "hello")
	_, err = c.Dial(t.Context(), "127.0.0.1:1")
	assert.ErrorContains(t, err, "refused")
}

func TestAVMsSpecIsChangedThroughTheAPI(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	g := boot(t, f, goal.VM{ID: "web01", Addresses: []string{"10.0.0.7"}})
	c, stop := control.InProcess(f.Control())
	defer stop()
	vm, err := c.UpdateVM(t.Context(), "web01", map[string]any{
		"no_fast_track": true, "nics": []goal.NIC{{MAC: "00:0d:3a:00:00:02", Addresses: []string{"10.0.0.9"}}}, "addresses": []string{"10.0.0.9"},
	})
	assert.NilError(t, err)
	assert.DeepEqual(t, vm.Spec.Addresses, []string{"10.0.0.9"})
	assert.Equal(t, vm.Spec.Name, "web01")
	status, _, _ := g.ask("GET", hostURL+"/vmSettings", "", g.hostHeaders()...)
	assert.Equal(t, status, 404)
	_, body, _ := g.ask("GET", imdsURL+"/metadata/instance?api-version=2021-08-01", "", "Metadata: true")
	assert.Assert(t, strings.Contains(body, "10.0.0.9"), body)
	for _, changes := range []map[string]any{{"id": "x"}, {"container_id": "x"}, {"nothing": 1}, {"pfx": "blue"}} {
		_, err := c.UpdateVM(t.Context(), "web01", changes)
		assert.Assert(t, err != nil, "%v", changes)
	}
}

func TestWaitingForAVMSaysWhatWasSeenLast(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	assert.NilError(t, f.AddVM(goal.VM{ID: "web01"}))
	c, stop := control.InProcess(f.Control())
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.WaitVM(ctx, "web01", func(vm control.VM) (bool, string) { return vm.Ready(), fmt.Sprintf("%d reports", len(vm.Health)) })
	assert.ErrorContains(t, err, "last seen: 0 reports")
	assert.ErrorIs(t, err, context.DeadlineExceeded)

	time.AfterFunc(10*time.Millisecond, func() { assert.Check(t, f.SetGoalState("web01", goal.State{}) == nil) })
	vm, err := c.WaitVM(t.Context(), "web01", func(vm control.VM) (bool, string) { return vm.Incarnation == 2, "" })
	assert.NilError(t, err)
	assert.Equal(t, vm.GoalStateID, "incarnation_2")
}
