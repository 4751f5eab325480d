package fabricsim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// varying is what differs from run to run: keys, times and what is made from them.
var varying = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`sig=[^&"\s]+`), "sig=<signature>"},
	{regexp.MustCompile(`"signature":"[^"]+"`), `"signature":"<pkcs7>"`},
	{regexp.MustCompile(`"protectedSettings":"[^"]+"`), `"protectedSettings":"<CMS>"`},
	{regexp.MustCompile(`<Data>[^<]+</Data>`), "<Data>(CMS)</Data>"},
	{regexp.MustCompile(`<Password>[^<]+</Password>`), "<Password>(CMS)</Password>"},
	{regexp.MustCompile(`(createdOnTicks=|"extensionsLastModifiedTickCount": ?)"?\d+"?`), "$1<ticks>"},
	{regexp.MustCompile(`\b[0-9A-F]{40}\b`), "<thumbprint>"},
	{regexp.MustCompile(`(?m)^(> x-ms-guest-agent-public-x509-cert): .*$`), "$1: <certificate>"},
	{regexp.MustCompile(`(?m)^(< (?:Etag|Last-Modified|If-None-Match)): .*$`), "$1: <varies>"},
	{regexp.MustCompile(`(?m)^(> If-None-Match): .*$`), "$1: <varies>"},
}

// conversation writes down requests and their answers, whole but for dates and what varies.
type conversation struct {
	*guest
	text strings.Builder
}

func (c *conversation) say(title, method, url, body string, headers ...string) {
	c.t.Helper()
	status, answer, header := c.ask(method, url, body, headers...)
	header.Del("Date")
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n> %s %s\n", title, method, url)
	for _, h := range headers {
		fmt.Fprintf(&b, "> %s\n", h)
	}
	if body != "" {
		fmt.Fprintf(&b, "> %.600q\n", body)
	}
	fmt.Fprintf(&b, "< %d\n", status)
	if masked(answer) != answer {
		header.Del("Content-Length")
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(&b, "< %s: %s\n", name, strings.Join(header[name], ", "))
	}
	c.text.WriteString(masked(b.String()+strings.ReplaceAll(answer, "\ufeff", "<BOM>")) + "\n\n")
}

func masked(s string) string {
	for _, v := range varying {
		s = v.what.ReplaceAllString(s, v.with)
	}
	return s
}

func TestInstanceMetadataAnswersHaveTheirBytes(t *testing.T) {
	t.Parallel()
	c := conversation{guest: boot(t, newFabric(t), goal.VM{ID: "web01", PPS: "Running", ScheduledEvents: []goal.ScheduledEvent{
		{ID: "E1", Type: "Reboot", Status: goal.EventStarted}, {ID: "E2", Type: "Preempt", Status: goal.EventStarted, Source: "User"},
	}})}
	get := func(title, query string) { c.say(title, "GET", imdsURL+"/metadata/"+query, "", metadata) }
	get("the versions there are", "versions")
	get("a part", "instance/network/interface/0/ipv4?api-version=2021-02-01")
	get("a folder as text", "instance/compute/plan?api-version=2021-02-01&format=text")
	get("a leaf", "instance/compute/vmId?api-version=2021-02-01&format=text")
	get("a leaf as JSON", "instance/compute/vmId?api-version=2021-02-01")
	get("a part that is not there", "instance/compute/mood?api-version=2021-02-01")
	get("no version", "instance")
	c.say("no header", "GET", imdsURL+"/metadata/instance?api-version=2021-02-01", "")
	c.say("forwarded", "GET", imdsURL+"/metadata/instance?api-version=2021-02-01", "", metadata, "X-Forwarded-For: 10.0.0.1")
	c.say("a method it does not know", "PUT", imdsURL+"/metadata/instance?api-version=2021-02-01", "", metadata)
	get("a path nobody knows", "secrets?api-version=2021-02-01")
	get("scheduled events", "scheduledevents?api-version=2020-07-01")
	get("scheduled events, as they were first", "scheduledevents?api-version=2017-03-01")
	get("scheduled events in a wrong version", "scheduledevents?api-version=2021-02-01")
	c.say("an approval", "POST", eventsURL+"2020-07-01", `{"StartRequests":[{"EventId":"E1"}]}`, metadata)
	c.say("an approval of nothing", "POST", eventsURL+"2020-07-01", `{}`, metadata)
	c.say("an approval of another event", "POST", eventsURL+"2020-07-01", `{"StartRequests":[{"EventId":"E9"}]}`, metadata)
	get("an attested document", "attested/document?api-version=2021-02-01&nonce=1234567890")
	get("no load balancer", "loadbalancer?api-version=2020-10-01")
	get("a pool VM without an owner", "reprovisiondata?api-version=2019-06-01")
	assert.NilError(t, c.f.Reuse("web01", "<Environment/>"))
	get("a pool VM with an owner", "reprovisiondata?api-version=2019-06-01")
	for _, status := range []int{404, 410, 429, 500, 503} {
		assert.NilError(t, c.f.AddFaults(fault.Step{Route: "imds.*", Status: status}))
		get("a playbook's error", "instance?api-version=2021-02-01")
	}
	golden.Assert(t, c.text.String(), "answers/imds.txt")
}

func TestWireServerAnswersHaveTheirBytes(t *testing.T) {
	t.Parallel()
	c := conversation{guest: boot(t, newFabric(t), goal.VM{ID: "web01"})}
	get := func(title, url string, headers ...string) { c.say(title, "GET", url, "", headers...) }
	post := func(title, path, body string) {
		c.say(title, "POST", wireURL+path, body, "x-ms-version: 2012-11-30", "Content-Type: text/xml;charset=utf-8")
	}
	old := c.goalState().Container.RoleInstances[0].Configuration
	s := hello()
	s.Users = []goal.User{{Name: "jit1", Password: "Fabric-s1m", Expires: time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)}}
	assert.NilError(t, c.f.SetGoalState("web01", s))
	gs := c.goalState()
	container, role, conf := gs.Container.ContainerID, gs.Container.RoleInstances[0].InstanceID, gs.Container.RoleInstances[0].Configuration
	sealed := append([]string{"x-ms-guest-agent-public-x509-cert: " + transportHeader(t)}, wireHeaders...)

	get("the versions there are", wireURL+"/?comp=versions")
	get("the goal state", wireURL+wireserver.PathGoalState, wireHeaders...)
	get("the hosting environment", conf.HostingEnvironmentConfig, wireHeaders...)
	get("the shared configuration", conf.SharedConfig, wireHeaders...)
	get("the extensions", conf.ExtensionsConfig, wireHeaders...)
	get("certificates", conf.Certificates, append([]string{"x-ms-cipher-name: AES128_CBC"}, sealed...)...)
	get("users", gs.Container.RemoteAccessInfo, sealed...)
	get("a document of an incarnation that is over", old.SharedConfig, wireHeaders...)
	get("a document of an incarnation to come", strings.Replace(conf.SharedConfig, "incarnation=2", "incarnation=3", 1), wireHeaders...)
	get("a document of another role", strings.Replace(conf.SharedConfig, "%5Fweb01", "%5Fweb02", 1), wireHeaders...)
	get("certificates for nobody", conf.Certificates, wireHeaders...)
	get("no protocol version", wireURL+wireserver.PathGoalState)
	get("another protocol version", wireURL+wireserver.PathGoalState, "x-ms-version: 2099-01-01")
	get("a path nobody knows", wireURL+"/nowhere", wireHeaders...)
	c.say("a method it does not know", "DELETE", wireURL+"/HealthService", "")

	health := "<Health><GoalStateIncarnation>%s</GoalStateIncarnation><Container><ContainerId>%s</ContainerId><RoleInstanceList><Role><InstanceId>%s</InstanceId><Health><State>Ready</State></Health></Role></RoleInstanceList></Container></Health>"
	post("a health report", "/machine?comp=health", fmt.Sprintf(health, "2", container, role))
	post("a health report of another container", "/machine?comp=health", fmt.Sprintf(health, "2", "x", role))
	post("a health report that is none", "/machine?comp=health", "ready!")
	properties := "<RoleProperties><Container><ContainerId>%s</ContainerId><RoleInstances><RoleInstance><Id>%s</Id><Properties><Property name=\"CertificateThumbprint\" value=\"SHA256:x\"/></Properties></RoleInstance></RoleInstances></Container></RoleProperties>"
	post("role properties", "/machine?comp=roleProperties", fmt.Sprintf(properties, container, role))
	post("role properties of another container", "/machine?comp=roleProperties", fmt.Sprintf(properties, "x", role))
	post("telemetry", "/machine?comp=telemetrydata", `<TelemetryData version="1.0"><Provider id="p"><Event id="1"><![CDATA[<Param Name="Name" Value="x" T="mt:wstr" />]]></Event></Provider></TelemetryData>`)
	post("telemetry that is none", "/machine?comp=telemetrydata", "{}")
	post("too much telemetry", "/machine?comp=telemetrydata", strings.Repeat("x", 1<<16))
	post("observations", "/HealthService", `{"Api":"reporttargethealth","Version":"1.0","Source":"x","Observations":[{"ObservationName":"a","IsHealthy":true,"Description":"","Value":""}]}`)
	post("observations that are none", "/HealthService", "<x/>")
	for _, status := range []int{400, 403, 404, 410, 429, 500, 503} {
		assert.NilError(t, c.f.AddFaults(fault.Step{Route: "goalstate", Status: status}))
		get("a playbook's error", wireURL+wireserver.PathGoalState, wireHeaders...)
	}
	golden.Assert(t, c.text.String(), "answers/wireserver.txt")
}

// transportHeader is a certificate as an agent shows it.
func transportHeader(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	assert.NilError(t, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	assert.NilError(t, err)
	return base64.StdEncoding.EncodeToString(der)
}

func TestHostGAPluginAnswersHaveTheirBytes(t *testing.T) {
	t.Parallel()
	c := conversation{guest: boot(t, newFabric(t), goal.VM{ID: "web01"})}
	mine := c.hostHeaders()
	but := func(i int, header string) []string {
		out := slices.Clone(mine)
		out[i] = header
		return out
	}
	get := func(title, path string, headers ...string) { c.say(title, "GET", hostURL+path, "", headers...) }
	get("the versions there are", "/versions")
	get("its health", "/health")
	get("an API nobody knows", "/nowhere", mine...)
	c.say("a method it does not know", "POST", hostURL+"/status", "", mine...)
	get("vmSettings", "/vmSettings", mine...)
	_, _, header := c.ask("GET", hostURL+"/vmSettings", "", mine...)
	get("vmSettings that did not change", "/vmSettings", append(slices.Clone(mine), "If-None-Match: "+header.Get("Etag"))...)
	get("another protocol's version", "/vmSettings", but(0, "x-ms-version: 2012-11-30")...)
	get("another container", "/vmSettings", but(1, "x-ms-containerid: x")...)
	get("another configuration", "/vmSettings", but(2, "x-ms-host-config-name: x")...)
	location := func(url string) []string { return append(slices.Clone(mine), "x-ms-artifact-location: "+url) }
	c.f.PutPackage("Contoso.Hello", "1.0.0", []byte("PK")) //nolint:errcheck // what follows shows it
	get("an artifact", "/extensionArtifact", location(c.packageURL())...)
	get("an artifact without a place", "/extensionArtifact", mine...)
	get("an artifact elsewhere", "/extensionArtifact", location("http://169.254.169.254/metadata")...)
	get("an artifact that is not there", "/extensionArtifact", location("https://packages.blob.fabricsim.test/none")...)

	blob := c.extensions().StatusUploadBlob.URI.Reveal()
	upload := func(title, uri, headers, content string) {
		c.say(title, "PUT", hostURL+"/status", `{"requestUri":"`+uri+`","headers":[`+headers+`],"content":"`+content+`"}`, mine...)
	}
	const kind = `{"headerName":"x-ms-blob-type","headerValue":"BlockBlob"}`
	upload("a status", blob, kind, "e30=")
	upload("a status that storage refuses", blob, "", "e30=")
	upload("a status without a signature that counts", strings.Replace(blob, "sig=", "sig=x", 1), kind, "e30=")
	upload("a status that is no base64", blob, kind, "?")
	upload("a status of another length", blob, `{"headerName":"Content-Length","headerValue":"9"}`, "e30=")
	upload("a status that goes elsewhere", "http://10.0.0.1/x", kind, "e30=")
	c.say("a status that is no JSON", "PUT", hostURL+"/status", "<x/>", mine...)
	deployment, _, _ := strings.Cut(c.vm().Spec.ConfigName, ".")
	logs := []string{mine[1], "x-ms-vmagentlog-deploymentid: " + deployment}
	c.say("logs", "PUT", hostURL+"/vmAgentLog", "PK", logs...)
	c.say("logs that are none", "PUT", hostURL+"/vmAgentLog", "text", logs...)
	c.say("logs of another deployment", "PUT", hostURL+"/vmAgentLog", "PK", mine[1], "x-ms-vmagentlog-deploymentid: x")
	for _, status := range []int{400, 403, 404, 410, 429, 500, 502, 503} {
		assert.NilError(t, c.f.AddFaults(fault.Step{Route: "vmSettings", Status: status}))
		get("a playbook's error", "/vmSettings", mine...)
	}
	_, err := c.f.WaitVM(t.Context(), "web01", -1)
	assert.NilError(t, err)
	assert.NilError(t, c.f.UpdateVM("web01", []byte(`{"no_fast_track":true}`)))
	get("no Fast Track here", "/vmSettings", mine...)
	golden.Assert(t, c.text.String(), "answers/hostga.txt")
}

func (g *guest) packageURL() string {
	for _, b := range g.f.ListBlobs() {
		if strings.Contains(b.Path, "Contoso.Hello") {
			return b.URL
		}
	}
	return ""
}

func TestStorageAnswersHaveTheirBytes(t *testing.T) {
	t.Parallel()
	c := conversation{guest: boot(t, newFabric(t), goal.VM{ID: "web01"})}
	c.f.PutPackage("Contoso.Hello", "1.0.0", []byte("PK-archive")) //nolint:errcheck // what follows shows it
	blob, pack := c.extensions().StatusUploadBlob.URI.Reveal(), c.packageURL()
	put := func(title, more, body string, headers ...string) { c.say(title, "PUT", blob+more, body, headers...) }
	get := func(title, url string, headers ...string) { c.say(title, "GET", url, "", headers...) }
	get("a package", pack)
	get("a part of it", pack, "x-ms-range: bytes=0-1")
	get("a part that is not there", pack, "Range: bytes=99-")
	c.say("its properties", "HEAD", pack, "")
	get("a blob that is not there", "https://packages.blob.fabricsim.test/none")
	get("a blob without a signature", strings.Split(blob, "?")[0])
	get("a blob with another signature", strings.Replace(blob, "sig=", "sig=x", 1))
	get("a status nobody has written", blob)
	c.say("a permission the signature does not give", "DELETE", blob, "")
	c.say("a method it does not know", "POST", blob, "")
	put("a page blob", "", "", "x-ms-blob-type: PageBlob", "x-ms-blob-content-length: 1024", "x-ms-version: 2014-02-14")
	page := strings.Repeat("x", 512)
	put("a page", "&comp=page", page, "x-ms-page-write: update", "x-ms-range: bytes=0-511")
	put("a page cleared", "&comp=page", "", "x-ms-page-write: clear", "x-ms-range: bytes=512-1023")
	put("a page beyond the end", "&comp=page", page, "x-ms-page-write: update", "x-ms-range: bytes=1024-1535")
	put("half a page", "&comp=page", "x", "x-ms-page-write: update", "x-ms-range: bytes=0-0")
	put("a page that is none", "&comp=page", page, "x-ms-range: bytes=0-511")
	put("an append to pages", "&comp=appendblock", "x")
	put("a page blob of an odd length", "", "", "x-ms-blob-type: PageBlob", "x-ms-blob-content-length: 1000")
	put("a page blob with content", "", "x", "x-ms-blob-type: PageBlob", "x-ms-blob-content-length: 512")
	put("a blob of no type", "", "x")
	put("a blob of a strange type", "", "x", "x-ms-blob-type: Novel")
	put("a version that is none", "", "x", "x-ms-blob-type: BlockBlob", "x-ms-version: new")
	put("a block", "&comp=block&blockid=YQ==", "{}")
	put("a block of a wrong name", "&comp=block&blockid=-", "{}")
	put("a list that is no XML", "&comp=blocklist", "{}")
	put("a list of a block nobody put", "&comp=blocklist", "<BlockList><Latest>Yg==</Latest></BlockList>")
	put("a list", "&comp=blocklist", "<BlockList><Latest>YQ==</Latest></BlockList>")
	put("a block blob", "", "{}", "x-ms-blob-type: BlockBlob")
	put("an append blob", "", "", "x-ms-blob-type: AppendBlob")
	put("an append", "&comp=appendblock", "{}")
	for _, status := range []int{403, 404, 409, 429, 500, 503} {
		assert.NilError(t, c.f.AddFaults(fault.Step{Route: "blob.get", Status: status}))
		get("a playbook's error", pack)
	}
	golden.Assert(t, c.text.String(), "answers/blobs.txt")
}
