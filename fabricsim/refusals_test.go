package fabricsim_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// refusal is a request that Azure would reject.
type refusal struct {
	name, method, url, body string
	headers                 []string
	want                    int
	code                    string // somewhere in the body
}

// refuse makes the requests, in their order, and looks for a client error of each in the journal.
func refuse(t *testing.T, g *guest, list []refusal) {
	t.Helper()
	for _, r := range list {
		before := g.f.Journal().ClientErrors()
		status, body, _ := g.ask(r.method, r.url, r.body, r.headers...)
		assert.Equal(t, status, r.want, "%s: %s", r.name, body)
		assert.Assert(t, strings.Contains(body, r.code), "%s: %s", r.name, body)
		assert.Equal(t, g.f.Journal().ClientErrors(), before+1, "%s is in the journal", r.name)
	}
}

func TestWireServerRefusesWhatAzureRefuses(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	gs := g.goalState()
	container, role := gs.Container.ContainerID, gs.Container.RoleInstances[0].InstanceID
	config := gs.Container.RoleInstances[0].Configuration
	health := func(incarnation, container, role, state, description string) string {
		text, err := xml.Marshal(wireserver.Health{Incarnation: incarnation, Container: wireserver.HealthContainer{ContainerID: container, Roles: []wireserver.HealthRole{
			{InstanceID: role, State: state, Details: &wireserver.HealthDetails{SubStatus: "x", Description: description}},
		}}})
		assert.NilError(t, err)
		return string(text)
	}
	post := func(name, comp, body string, code string) refusal {
		return refusal{name, "POST", wireURL + "/machine?comp=" + comp, body, wireHeaders, 400, code}
	}
	properties := "<RoleProperties><Container><ContainerId>%s</ContainerId><RoleInstances><RoleInstance><Id>%s</Id><Properties>%s</Properties></RoleInstance></RoleInstances></Container></RoleProperties>"
	telemetry := `<TelemetryData version="1.0"><Provider id="p"><Event id="1"><![CDATA[%s]]></Event></Provider></TelemetryData>`
	refuse(t, g, []refusal{
		{"a path nobody knows", "GET", wireURL + "/nowhere", "", wireHeaders, 404, "ResourceNotFound"},
		{"a method nobody knows", "DELETE", wireURL + "/HealthService", "", nil, 405, "UnsupportedHttpVerb"},
		{"no protocol version", "GET", wireURL + wireserver.PathGoalState, "", nil, 400, "InvalidVersion"},
		{"an unknown protocol version", "GET", wireURL + wireserver.PathGoalState, "", []string{"x-ms-version: 2099-01-01"}, 400, "InvalidVersion"},
		{"an incarnation to come", "GET", strings.Replace(config.SharedConfig, "incarnation=1", "incarnation=2", 1), "", wireHeaders, 400, "InvalidIncarnation"},
		{"an incarnation that is no number", "GET", strings.Replace(config.SharedConfig, "incarnation=1", "incarnation=x", 1), "", wireHeaders, 400, "InvalidIncarnation"},
		{"another role's document", "GET", strings.Replace(config.SharedConfig, "%5Fweb01", "%5Fweb02", 1), "", wireHeaders, 404, "ResourceNotFound"},
		{"users where there are none", "GET", strings.Replace(config.Certificates, "certificates", "remoteaccessinfo", 1), "", wireHeaders, 404, "ResourceNotFound"},
		{"certificates for nobody", "GET", config.Certificates, "", wireHeaders, 400, "InvalidTransportCertificate"},
		{"certificates for nonsense", "GET", config.Certificates, "", append([]string{"x-ms-guest-agent-public-x509-cert: AAAA"}, wireHeaders...), 400, "InvalidTransportCertificate"},
		post("health that is no XML", "health", "ready!", "InvalidHealthReport"),
		post("health of a goal state to come", "health", health("2", container, role, "Ready", ""), "InvalidHealthReport"),
		post("health of another container", "health", health("1", "x", role, "Ready", ""), "InvalidHealthReport"),
		post("health of another role", "health", health("1", container, "x", "Ready", ""), "InvalidHealthReport"),
		post("a strange state", "health", health("1", container, role, "Well", ""), "InvalidHealthReport"),
		post("a long story", "health", health("1", container, role, "NotReady", strings.Repeat("x", 4097)), "InvalidHealthReport"),
		post("properties of another container", "roleProperties", fmt.Sprintf(properties, "x", role, "<Property/>"), "InvalidRoleProperties"),
		post("properties of another role", "roleProperties", fmt.Sprintf(properties, container, "x", "<Property/>"), "InvalidRoleProperties"),
		post("no properties", "roleProperties", fmt.Sprintf(properties, container, role, ""), "InvalidRoleProperties"),
		post("telemetry that is no XML", "telemetrydata", "{}", "InvalidTelemetry"),
		post("telemetry without parameters", "telemetrydata", fmt.Sprintf(telemetry, ""), "InvalidTelemetry"),
		post("a parameter that is not closed", "telemetrydata", fmt.Sprintf(telemetry, `<Param Name="a"`), "InvalidTelemetry"),
		post("a parameter of a strange type", "telemetrydata", fmt.Sprintf(telemetry, `<Param Name="a" Value="b" T="mt:cat" />`), "InvalidTelemetry"),
		post("too much telemetry", "telemetrydata", strings.Repeat("x", 1<<16), "RequestBodyTooLarge"),
		{"observations that are no JSON", "POST", wireURL + "/HealthService", "<x/>", nil, 400, "InvalidObservations"},
		{"no observations", "POST", wireURL + "/HealthService", `{"Api":"reporttargethealth","Version":"1.0","Source":"x","Observations":[]}`, nil, 400, "InvalidObservations"},
		{"a long observation", "POST", wireURL + "/HealthService", `{"Api":"reporttargethealth","Version":"1.0","Source":"x","Observations":[{"ObservationName":"` + strings.Repeat("x", 65) + `"}]}`, nil, 400, "InvalidObservations"},
		{"azure-init with a strange state", "POST", wireURL + "/provisioning/health", `{"state":"Fine"}`, nil, 400, "InvalidHealthReport"},
	})
	assert.Equal(t, len(g.vm().Health), 0)
}

func TestDocumentsOfAnOldIncarnationAreGone(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	old := g.goalState().Container.RoleInstances[0].Configuration
	assert.NilError(t, g.f.SetGoalState("web01", hello()))
	status, body, _ := g.ask("GET", old.ExtensionsConfig, "", wireHeaders...)
	assert.Equal(t, status, 410)
	assert.Assert(t, strings.Contains(body, "<Code>ResourceNotAvailable</Code>"), body)
	g.clean() // the client was late, not wrong
}

func TestHostGAPluginRefusesWhatAzureRefuses(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	mine := g.hostHeaders()
	change := func(i int, header string) []string {
		out := append([]string(nil), mine...)
		out[i] = header
		return out
	}
	status := func(name, body string) refusal {
		return refusal{name, "PUT", hostURL + "/status", body, mine, 400, "InvalidContent"}
	}
	blob := g.extensions().StatusUploadBlob.URI.Reveal()
	refuse(t, g, []refusal{
		{"an API nobody knows", "GET", hostURL + "/nowhere", "", mine, 404, "ResourceNotFound"},
		{"a method nobody knows", "POST", hostURL + "/status", "", mine, 405, "UnsupportedHttpVerb"},
		{"the protocol version of WireServer", "GET", hostURL + "/vmSettings", "", change(0, "x-ms-version: 2012-11-30"), 400, "InvalidVersion"},
		{"another container", "GET", hostURL + "/vmSettings", "", change(1, "x-ms-containerid: x"), 400, hostga.InvalidContainerConfiguration},
		{"another configuration", "GET", hostURL + "/vmSettings", "", change(2, "x-ms-host-config-name: x"), 410, hostga.RoleConfigNotFound},
		{"an artifact without a place", "GET", hostURL + "/extensionArtifact", "", mine, 400, "InvalidArtifactLocation"},
		{"an artifact elsewhere", "GET", hostURL + "/extensionArtifact", "", append(mine, "x-ms-artifact-location: http://169.254.169.254/metadata"), 400, "InvalidArtifactLocation"},
		{"an artifact that is not there", "GET", hostURL + "/extensionArtifact", "", append(mine, "x-ms-artifact-location: https://packages.blob.fabricsim.test/none"), 502, "ResourceNotFound"},
		status("a status that is no JSON", "<x/>"),
		status("a status that goes nowhere", `{"requestUri":"","headers":[]}`),
		status("a status that goes elsewhere", `{"requestUri":"http://10.0.0.1/x","headers":[]}`),
		status("a status with more in it", `{"requestUri":"`+blob+`","headers":[],"extra":1}`),
		status("a status that is no base64", `{"requestUri":"`+blob+`","headers":[],"content":"?"}`),
		status("a status of another length", `{"requestUri":"`+blob+`","headers":[{"headerName":"Content-Length","headerValue":"9"}],"content":"YQ=="}`),
		{"a status that storage refuses", "PUT", hostURL + "/status", `{"requestUri":"` + blob + `","headers":[],"content":"YQ=="}`, mine, 502, "MissingRequiredHeader"},
		{"logs of another deployment", "PUT", hostURL + "/vmAgentLog", "PK", append(mine, "x-ms-vmagentlog-deploymentid: x"), 400, "InvalidDeployment"},
		{"logs of another container", "PUT", hostURL + "/vmAgentLog", "PK", change(1, "x-ms-containerid: x"), 400, hostga.InvalidContainerConfiguration},
	})
}

func TestAStatusTheFabricCannotReadIsAClientError(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":              "ready",
		"another version":      strings.Replace(statusText, `"version":"1.1"`, `"version":"1.0"`, 1),
		"an unknown member":    strings.Replace(statusText, `"version":"1.1"`, `"version":"1.1","mood":"good"`, 1),
		"a strange status":     strings.Replace(statusText, `"status":"Ready","code":0`, `"status":"Great","code":0`, 1),
		"a time that is none":  strings.Replace(statusText, "2026-01-02T03:04:05Z", "yesterday", 1),
		"handlers that are no": strings.Replace(statusText, `"handlerAggregateStatus":[`, `"handlerAggregateStatus":null,"x":[`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := boot(t, newFabric(t), goal.VM{ID: "web01"})
			status, body, _ := g.ask("PUT", g.extensions().StatusUploadBlob.URI.Reveal(), text, "x-ms-blob-type: BlockBlob", "x-ms-version: 2014-02-14")
			assert.Equal(t, status, 201, body)
			assert.Equal(t, g.f.Journal().ClientErrors(), int64(1))
		})
	}
}

func TestFastTrackCanBeMissing(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01", NoFastTrack: true})
	status, _, _ := g.ask("GET", hostURL+"/vmSettings", "", g.hostHeaders()...)
	assert.Equal(t, status, 404)
	g.clean()
}

func TestInstanceMetadataRefusesWhatAzureRefuses(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	ours := []string{"Metadata: True"}
	const instance = imdsURL + "/metadata/instance"
	refuse(t, g, []refusal{
		{"no header", "GET", instance + "?api-version=2021-08-01", "", nil, 400, "metadata header"},
		{"a header that says no", "GET", instance + "?api-version=2021-08-01", "", []string{"Metadata: false"}, 400, "metadata header"},
		{"a request that was forwarded", "GET", instance + "?api-version=2021-08-01", "", []string{"Metadata: true", "X-Forwarded-For: 10.0.0.1"}, 400, "X-Forwarded-For"},
		{"no version", "GET", instance, "", ours, 400, "newest-versions"},
		{"a version to come", "GET", instance + "?api-version=2099-01-01", "", ours, 400, "newest-versions"},
		{"a part that is not there", "GET", instance + "/compute/nothing?api-version=2021-08-01&format=text", "", ours, 404, "Not found"},
		{"a leaf as JSON", "GET", instance + "/compute/name?api-version=2021-08-01", "", ours, 400, "format=text"},
		{"a path nobody knows", "GET", imdsURL + "/metadata/secrets?api-version=2021-08-01", "", ours, 404, "Not found"},
		{"a method nobody knows", "POST", instance + "?api-version=2021-08-01", "", ours, 405, "not allowed"},
	})
}

func TestInstanceMetadataSuitsEveryClient(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{
		ID: "web01", AdminUser: "alice", PublicKeys: []string{"ssh-ed25519 AAAA alice"}, NoPassword: true, CustomData: true, PPS: "Savable",
		SecurityType: "ConfidentialVM", Compute: map[string]string{"location": "westus"},
		NICs: []goal.NIC{{MAC: "00:0d:3a:00:00:01", Addresses: []string{"10.0.0.4", "10.0.0.5", "fd00::4"}, Prefix: 26}},
	})
	read := func(query string) (string, map[string]any) {
		status, body, _ := g.ask("GET", imdsURL+"/metadata/"+query, "", "Metadata: true")
		assert.Equal(t, status, 200, "%s: %s", query, body)
		var doc map[string]any
		if strings.HasPrefix(body, "{") {
			assert.NilError(t, json.Unmarshal([]byte(body), &doc))
		}
		return body, doc
	}
	_, doc := read("instance?api-version=2021-08-01&extended=true")
	compute := doc["compute"].(map[string]any)
	profile := compute["osProfile"].(map[string]any)
	assert.DeepEqual(t, profile, map[string]any{"adminUsername": "alice", "computerName": "web01", "disablePasswordAuthentication": "true"})
	assert.DeepEqual(t, compute["publicKeys"], []any{map[string]any{"keyData": "ssh-ed25519 AAAA alice", "path": "/home/alice/.ssh/authorized_keys"}})
	assert.Equal(t, compute["location"], "westus")
	assert.DeepEqual(t, doc["extended"], map[string]any{"compute": map[string]any{"hasCustomData": true, "ppsType": "Savable"}})
	nic := doc["network"].(map[string]any)["interface"].([]any)[0].(map[string]any)
	assert.Equal(t, nic["macAddress"], "000D3A000001")
	assert.DeepEqual(t, nic["ipv4"].(map[string]any)["subnet"], []any{map[string]any{"address": "10.0.0.0", "prefix": "26"}})

	_, doc = read("instance?api-version=2018-02-01")
	assert.Assert(t, doc["extended"] == nil && doc["compute"].(map[string]any)["osProfile"] == nil)
	_, doc = read("instance/compute?api-version=2021-12-13")
	assert.Equal(t, doc["securityProfile"].(map[string]any)["securityType"], "ConfidentialVM")
	for _, version := range []string{"2019-06-01", "2023-11-15", "2017-08-01", "2021-02-01"} {
		read("instance?extended=true&api-version=" + version)
	}
	text, _ := read("instance/compute/osProfile/adminUsername?api-version=2021-02-01&format=text")
	assert.Equal(t, text, "alice")
	text, _ = read("instance/compute/publicKeys?api-version=2021-02-01")
	assert.Assert(t, strings.HasPrefix(text, "[{"), text)
	text, _ = read("instance?api-version=2021-02-01&format=text")
	assert.Equal(t, text, "compute/\nnetwork/")
	_, doc = read("versions")
	assert.Assert(t, len(doc["apiVersions"].([]any)) > 20)
	read("scheduledevents?api-version=2020-07-01")
	g.clean()
}

func TestWithoutKeysTheMemberIsMissing(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	_, body, _ := g.ask("GET", imdsURL+"/metadata/instance?api-version=2021-08-01", "", "Metadata: true")
	assert.Assert(t, !strings.Contains(body, "publicKeys"), body)
}

func TestAPoolVMIsReused(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01", PPS: "Running"})
	const uri = imdsURL + "/metadata/reprovisiondata?api-version=2019-06-01"
	status, _, _ := g.ask("GET", uri, "", "Metadata: true")
	assert.Equal(t, status, 404)
	assert.NilError(t, g.f.Reuse("web01", "<Environment/>"))
	status, body, _ := g.ask("GET", uri, "", "Metadata: true")
	assert.Equal(t, status, 200)
	assert.Equal(t, body, "<Environment/>")
	_, body, _ = g.ask("GET", imdsURL+"/metadata/instance?api-version=2021-08-01&extended=true", "", "Metadata: true")
	assert.Assert(t, strings.Contains(body, `"ppsType":"None"`), body)
	g.clean()
}

func TestSpoiltAnswersHaveTheSurfacesOwnErrors(t *testing.T) {
	t.Parallel()
	g := boot(t, newFabric(t), goal.VM{ID: "web01"})
	mine := g.hostHeaders()
	assert.NilError(t, g.f.AddFaults(
		fault.Step{Route: "goalstate", Status: 410},
		fault.Step{Route: "vmSettings", Status: 400},
		fault.Step{Route: "imds.*", Status: 429, Header: map[string]string{"Retry-After": "3"}},
		fault.Step{Route: "blob.get", Status: 503, VM: "web01"},
		fault.Step{Route: "versions", Status: 500, VM: "other"},
	))
	_, body, _ := g.ask("GET", wireURL+wireserver.PathGoalState, "", wireHeaders...)
	assert.Assert(t, strings.Contains(body, "<Code>ResourceNotAvailable</Code>"), body)
	_, body, _ = g.ask("GET", hostURL+"/vmSettings", "", mine...)
	assert.Assert(t, strings.Contains(body, `"errorCode":"InvalidContainerConfiguration"`), body)
	status, body, header := g.ask("GET", imdsURL+"/metadata/versions", "", "Metadata: true")
	assert.Equal(t, status, 429)
	assert.Equal(t, header.Get("Retry-After"), "3")
	assert.Assert(t, strings.Contains(body, `{"error":`), body)
	status, body, _ = g.ask("GET", "https://packages.blob.fabricsim.test/x", "")
	assert.Equal(t, status, 503)
	assert.Assert(t, strings.Contains(body, "<Code>ServerBusy</Code>"), body)
	g.clean()
	for _, s := range g.f.Faults() {
		assert.Equal(t, s.Unused(), s.Step.VM == "other")
	}
}
