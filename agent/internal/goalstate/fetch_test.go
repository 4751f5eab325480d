package goalstate_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/host"
)

const (
	goalStateRoute  = "GET /machine/?comp=goalstate"
	extensionsRoute = "GET /ext"
	certsRoute      = "GET /certs"
	settingsRoute   = "GET /vmSettings"
)

// ticks is a creation time, minutes after some moment.
func ticks(minutes int) int64 { return 638900000000000000 + int64(minutes)*600_000_000 }

type fake struct {
	*testing.T
	wire, host *Script
	fetcher    *goalstate.Fetcher
	log        *bytes.Buffer
	root       string
}

type keeper map[string]string

func (k keeper) Keep(tag, name string, doc []byte) { k[tag+"/"+name] = string(doc) }

// newFake is a fabric at incarnation 1, with an extension and without vmSettings.
func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{T: t, wire: new(Script), host: new(Script), log: new(bytes.Buffer), root: t.TempDir()}
	f.start()
	f.incarnation("1", true)
	f.extensions(1, "Contoso.A")
	f.wire.On("GET /host", Say(`<HostingEnvironmentConfig><Incarnation instance="vm1"/><Role name="web"/><Deployment name="tenant"/></HostingEnvironmentConfig>`))
	f.wire.On("GET /shared", Say("<SharedConfig/>"))
	return f
}

// start makes a new agent process.
func (f *fake) start() {
	log := slog.New(slog.NewTextHandler(f.log, nil))
	files := host.Files{Root: f.root}
	client := &fabric.HTTP{Dial: Net{"10.0.0.1:80": f.wire, "10.0.0.1:32526": f.host}.Dial, Version: "3.0.0.0"}
	wire := &fabric.WireServer{HTTP: client, Endpoint: "10.0.0.1", Identity: new(fabric.Identity)}
	f.fetcher = &goalstate.Fetcher{
		Wire: wire, Host: &fabric.HostGA{HTTP: client, Wire: wire, NewID: func() string { return "id" }},
		Certs: certs.Store{Files: files, Dir: "/", Log: log}, Files: files, Dir: "/", History: keeper{},
		Period: 6 * time.Second, Events: event.Discard{}, Log: log,
	}
}

func (f *fake) incarnation(n string, withExtensions bool) {
	ext := ""
	if withExtensions {
		ext = "<ExtensionsConfig>http://10.0.0.1:80/ext</ExtensionsConfig>"
	}
	f.wire.On(goalStateRoute, Say(goalState(n, ext)))
}

func goalState(n, extra string) string {
	return fmt.Sprintf("\xef\xbb\xbf<?xml version=\"1.0\"?><GoalState><Incarnation>%s</Incarnation><Container><ContainerId>c1</ContainerId><RoleInstanceList><RoleInstance>"+
		"<InstanceId>i1</InstanceId><Configuration><HostingEnvironmentConfig>http://10.0.0.1/host</HostingEnvironmentConfig><SharedConfig> http://10.0.0.1/shared\n</SharedConfig>%s"+
		"<ConfigName>d.1.d.0.i1.1.xml</ConfigName></Configuration></RoleInstance></RoleInstanceList></Container></GoalState>", n, extra)
}

func (f *fake) extensions(minutes int, names ...string) {
	var plugins strings.Builder
	for _, n := range names {
		fmt.Fprintf(&plugins, `<Plugin name="%s" version="1.0" state="enabled" location="http://m/%s"/>`, n, n)
	}
	f.wire.On(extensionsRoute, Say(fmt.Sprintf(`<Extensions><Plugins>%s</Plugins><StatusUploadBlob statusBlobType="PageBlob">http://s/b?sig=x&amp;a=b</StatusUploadBlob><InVMGoalStateMetaData createdOnTicks="%d" activityId="a"/></Extensions>`, plugins.String(), ticks(minutes))))
}

func (f *fake) settings(etag, source string, minutes int, names ...string) {
	f.host.On(settingsRoute, vmSettings(etag, source, minutes, names...))
}

func vmSettings(etag, source string, minutes int, names ...string) http.HandlerFunc {
	var list []string
	for _, n := range names {
		list = append(list, fmt.Sprintf(`{"name":%q,"version":"1.0","state":"enabled"}`, n))
	}
	body := fmt.Sprintf(`{"hostGAPluginVersion":"1.0.8.170","inSvdSeqNo":7,"extensionGoalStatesSource":%q,"extensionsLastModifiedTickCount":"%d","statusUploadBlob":{"value":"http://s/f"},"extensionGoalStates":[%s]}`,
		source, ticks(minutes), strings.Join(list, ","))
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", etag)
		_, _ = w.Write([]byte(body))
	}
}

// fetch fetches and wants the goal state id with these handlers.
func (f *fake) fetch(id string, names ...string) goalstate.Wanted {
	f.Helper()
	w, err := f.fetcher.Fetch(f.Context())
	assert.NilError(f, err)
	assert.Equal(f, w.ID, id)
	var got []string
	for _, h := range w.Handlers {
		got = append(got, h.Name)
	}
	assert.DeepEqual(f, got, names)
	return w
}

func run(t *testing.T, story func(f *fake)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { story(newFake(t)) })
}

func TestAFabricGoalStateIsFetchedOnce(t *testing.T) {
	run(t, func(f *fake) {
		w := f.fetch("incarnation_1", "Contoso.A")
		assert.Equal(t, w.ContainerID, "c1")
		assert.Equal(t, w.RoleInstanceID, "i1")
		assert.Equal(t, w.ConfigName, "d.1.d.0.i1.1.xml")
		assert.Equal(t, w.StatusBlob.URI.Reveal(), "http://s/b?sig=x&a=b")
		assert.Equal(t, w.StatusBlob.Type, "PageBlob")
		assert.Equal(t, w.SvdSeqNo, "1")
		assert.Equal(t, w.ActivityID, "a")
		assert.Equal(t, w.CorrelationID, "00000000-0000-0000-0000-000000000000")
		assert.Equal(t, f.fetcher.HostingEnvironment().Role.Name, "web")
		f.fetch("incarnation_1", "Contoso.A")
		assert.Equal(t, f.wire.Count(extensionsRoute), 1)
		shared, err := os.ReadFile(filepath.Join(f.root, "SharedConfig.xml"))
		assert.NilError(t, err)
		assert.Equal(t, string(shared), "<SharedConfig/>")
		f.incarnation("2", true)
		f.extensions(2, "Contoso.A", "Contoso.B")
		f.fetch("incarnation_2", "Contoso.A", "Contoso.B")
	})
}

func TestTheLaterOfFabricAndFastTrackIsInForce(t *testing.T) {
	run(t, func(f *fake) {
		f.settings("10", "FastTrack", 5, "Contoso.Fast")
		w := f.fetch("etag_10", "Contoso.Fast")
		assert.Equal(t, fmt.Sprint(w.SvdSeqNo), fmt.Sprint([]byte("7")))
		assert.Equal(t, w.Channel, goalstate.HostGAPlugin)
		assert.Assert(t, f.fetcher.FastTrack())
		// A rotated certificate brings a new incarnation around the old extensions: Fast Track stays.
		f.incarnation("2", true)
		f.fetch("etag_10", "Contoso.Fast")
		f.incarnation("3", true)
		f.extensions(6, "Contoso.Slow")
		f.fetch("incarnation_3", "Contoso.Slow")
		f.settings("11", "FastTrack", 4, "Contoso.Old")
		f.fetch("incarnation_3", "Contoso.Slow")
		f.settings("12", "FastTrack", 6, "Contoso.Same")
		f.fetch("etag_12", "Contoso.Same")
		// On a tie a new incarnation wins.
		f.incarnation("4", true)
		f.extensions(6, "Contoso.Tie")
		f.fetch("incarnation_4", "Contoso.Tie")
	})
}

func TestFailingVMSettingsDoNotHoldUpTheFabric(t *testing.T) {
	run(t, func(f *fake) {
		f.settings("10", "FastTrack", 5, "Contoso.Fast")
		f.fetch("etag_10", "Contoso.Fast")
		for i, answer := range []http.HandlerFunc{Code(500, ""), Code(403, ""), Code(410, ""), Say("{"), Abort, Code(503, "")} {
			f.host.On(settingsRoute, answer)
			n := fmt.Sprint(i + 2)
			f.incarnation(n, true)
			f.extensions(10+i, "Contoso.A")
			f.fetch("incarnation_"+n, "Contoso.A")
		}
		f.settings("11", "FastTrack", 20, "Contoso.Fast")
		f.fetch("etag_11", "Contoso.Fast")
	})
}

func TestAVanishedExtensionsConfigDoesNotStick(t *testing.T) {
	run(t, func(f *fake) {
		f.fetch("incarnation_1", "Contoso.A")
		f.incarnation("2", false)
		w := f.fetch("incarnation_2")
		assert.Assert(t, w.StatusBlob.URI.IsZero())
		f.fetch("incarnation_2")
		f.incarnation("3", true)
		f.extensions(3, "Contoso.B")
		f.fetch("incarnation_3", "Contoso.B")
	})
}

func TestFastTrackWorksWithoutAnExtensionsConfig(t *testing.T) {
	run(t, func(f *fake) {
		f.incarnation("1", false)
		f.settings("10", "FastTrack", 5, "Contoso.Fast")
		f.fetch("etag_10", "Contoso.Fast")
	})
}

func TestWhatFastTrackOvertookIsNotExecutedAfterARestart(t *testing.T) {
	run(t, func(f *fake) {
		f.settings("10", "FastTrack", 5, "Contoso.Fast")
		f.fetch("etag_10", "Contoso.Fast")
		f.start()
		f.host.On(settingsRoute, Code(500, "")) // the host cannot say now
		w := f.fetch("incarnation_1", "Contoso.A")
		assert.Assert(t, w.Outdated)
		f.settings("10", "FastTrack", 5, "Contoso.Fast")
		assert.Assert(t, !f.fetch("etag_10", "Contoso.Fast").Outdated)
		f.start()
		f.host.On(settingsRoute, Code(404, ""))
		assert.Assert(t, f.fetch("incarnation_1", "Contoso.A").Outdated)
		f.start()
		assert.Assert(t, !f.fetch("incarnation_1", "Contoso.A").Outdated)
	})
}

// Fast Track was switched off by the configuration: what it had brought is not undone by what is older.
func TestWithoutFastTrackNothingOlderThanItsLastIsExecuted(t *testing.T) {
	run(t, func(f *fake) {
		f.settings("10", "FastTrack", 5, "Contoso.Fast")
		f.fetch("etag_10", "Contoso.Fast")
		asked := f.host.Count(settingsRoute)
		f.start()
		f.fetcher.Host = nil
		assert.Assert(t, f.fetch("incarnation_1", "Contoso.A").Outdated)
		assert.Assert(t, f.fetch("incarnation_1", "Contoso.A").Outdated)
		f.incarnation("2", true)
		f.extensions(6, "Contoso.B")
		assert.Assert(t, !f.fetch("incarnation_2", "Contoso.B").Outdated)
		assert.Equal(t, f.host.Count(settingsRoute), asked)
		assert.Assert(t, !f.fetcher.FastTrack())
	})
}

func TestAFabricSourceEndsFastTrack(t *testing.T) {
	run(t, func(f *fake) {
		f.settings("10", "FastTrack", 5, "Contoso.Fast")
		f.fetch("etag_10", "Contoso.Fast")
		f.settings("11", "Fabric", 6, "Contoso.Ignored")
		f.fetch("etag_10", "Contoso.Fast") // a marker, not a goal state
		f.incarnation("2", true)
		f.extensions(6, "Contoso.B")
		f.fetch("incarnation_2", "Contoso.B")
		_, err := os.Stat(filepath.Join(f.root, "fast_track.json"))
		assert.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestUnsupportedVMSettingsAreNotAskedForSixHours(t *testing.T) {
	run(t, func(f *fake) {
		f.fetch("incarnation_1", "Contoso.A")
		time.Sleep(5 * time.Hour)
		f.fetch("incarnation_1", "Contoso.A")
		assert.Equal(t, f.host.Count(settingsRoute), 1)
		time.Sleep(2 * time.Hour)
		f.fetch("incarnation_1", "Contoso.A")
		assert.Equal(t, f.host.Count(settingsRoute), 2)
		assert.Equal(t, strings.Count(f.log.String(), "not supported"), 1)
	})
}

func TestAGoalStateOvertakenWhileItIsFetchedIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.wire.On(extensionsRoute, func(w http.ResponseWriter, _ *http.Request) {
		f.incarnation("2", true)
		f.extensions(2, "Contoso.B")
		w.WriteHeader(http.StatusGone)
	})
	w, err := f.fetcher.Fetch(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, w.ID, "incarnation_2")
	assert.Equal(t, w.Handlers[0].Name, "Contoso.B")
	assert.Assert(t, !strings.Contains(f.log.String(), "level=WARN"), f.log.String())

	// So is one whose certificates are gone.
	f.wire.On(goalStateRoute, Say(goalState("21", "<Certificates>http://10.0.0.1/certs</Certificates>")))
	f.wire.On("GET /certs", func(w http.ResponseWriter, _ *http.Request) {
		f.incarnation("22", true)
		w.WriteHeader(http.StatusGone)
	})
	w, err = f.fetcher.Fetch(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, w.Incarnation, "22")
	assert.Assert(t, !strings.Contains(f.log.String(), "level=ERROR"), f.log.String())

	// What is gone although its goal state is in force is an error, and tried again at the next turn.
	f.incarnation("3", true)
	f.wire.On(extensionsRoute, Code(http.StatusGone, ""))
	w, err = f.fetcher.Fetch(t.Context())
	assert.ErrorIs(t, err, fabric.ErrResourceGone)
	assert.Equal(t, w.ID, "incarnation_22")
}

func TestAFailedUpdateKeepsWhatWasInForceAndStartsOver(t *testing.T) {
	run(t, func(f *fake) {
		f.fetch("incarnation_1", "Contoso.A")
		f.incarnation("2", true)
		f.wire.On("GET /shared", Code(404, "gone"))
		w, err := f.fetcher.Fetch(f.Context())
		assert.ErrorContains(t, err, "fetch goal state 2")
		assert.Equal(t, w.ID, "incarnation_1")
		f.wire.On("GET /shared", Say("<SharedConfig/>"))
		f.extensions(2, "Contoso.B")
		f.fetch("incarnation_2", "Contoso.B")
		f.wire.On(goalStateRoute, Code(410, ""))
		w, err = f.fetcher.Fetch(f.Context())
		assert.ErrorIs(t, err, fabric.ErrResourceGone)
		assert.Equal(t, w.ID, "incarnation_2")
	})
}

func TestAGoalStateWithoutRoleInstanceIsAskedForAgain(t *testing.T) {
	run(t, func(f *fake) {
		f.wire.On(goalStateRoute, Say("<GoalState><Incarnation>1</Incarnation></GoalState>"), Say("<GoalState/>"), Say(goalState("1", "")))
		start := time.Now()
		f.fetch("incarnation_1")
		assert.Equal(t, time.Since(start), time.Second)
		f.wire.On(goalStateRoute, Say("<GoalState><Incarnation>1</Incarnation></GoalState>"))
		_, err := f.fetcher.Fetch(f.Context())
		assert.ErrorContains(t, err, "no role instance")
	})
}

func TestAMovedVMIsNoticedWithoutANewIncarnation(t *testing.T) {
	run(t, func(f *fake) {
		f.fetch("incarnation_1", "Contoso.A")
		f.wire.On(goalStateRoute, Say(strings.Replace(goalState("1", ""), ">c1<", ">c2<", 1)))
		assert.Equal(t, f.fetch("incarnation_1", "Contoso.A").ContainerID, "c2")
		assert.Equal(t, f.wire.Count(extensionsRoute), 1)
	})
}

func TestCertificatesThatCannotBeHadAreTriedAgainLater(t *testing.T) {
	run(t, func(f *fake) {
		f.wire.On(goalStateRoute, Say(goalState("1", "<Certificates>http://10.0.0.1/certs</Certificates>")))
		f.wire.On(certsRoute, Code(400, ""))
		f.fetch("incarnation_1")
		assert.Equal(t, f.wire.Count(certsRoute), 2)
		ciphers := []string{}
		for _, r := range f.wire.Seen {
			if r.URL.Path == "/certs" {
				ciphers = append(ciphers, r.Header.Get("x-ms-cipher-name"))
			}
		}
		assert.DeepEqual(t, ciphers, []string{"AES128_CBC", "DES_EDE3_CBC"})
		f.fetch("incarnation_1")
		assert.Equal(t, f.wire.Count(certsRoute), 2)
		time.Sleep(time.Minute)
		f.wire.On(certsRoute, Say("<CertificateFile><Data/></CertificateFile>"))
		f.fetch("incarnation_1")
		assert.Equal(t, f.wire.Count(certsRoute), 3)
		time.Sleep(time.Hour)
		f.fetch("incarnation_1")
		assert.Equal(t, f.wire.Count(certsRoute), 3)
	})
}

func TestAMissingCertificateOfFastTrackIsWaitedForOnce(t *testing.T) {
	run(t, func(f *fake) {
		body := `{"hostGAPluginVersion":"1.0.8.170","extensionGoalStatesSource":"FastTrack","extensionsLastModifiedTickCount":1,"extensionGoalStates":[{"name":"C","version":"1","state":"enabled","settingsSeqNo":1,"settings":[{"protectedSettings":"AA","protectedSettingsCertThumbprint":"AB"}]}]}`
		f.incarnation("1", false)
		f.host.On(settingsRoute, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", "5")
			_, _ = io.WriteString(w, body)
		})
		start := time.Now()
		f.fetch("etag_5", "C")
		assert.Equal(t, time.Since(start), 6*time.Second)
		assert.Assert(t, strings.Contains(f.log.String(), "Going on without a certificate"))
		f.fetch("etag_5", "C")
		assert.Equal(t, time.Since(start), 6*time.Second)
	})
}

func TestOnHoldComesFromTheArtifactsProfile(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"onHold": true}` + "\x00\x00": true, `{"onHold":"True"}`: true, `{"onHold":false}`: false, `{}`: false, "": false, " \x00": false,
	} {
		got, err := goalstate.ParseArtifactsProfile([]byte(body))
		assert.NilError(t, err, body)
		assert.Equal(t, got, want, body)
	}
	for _, body := range []string{`{"onHold":"maybe"}`, `{`, `[]`} {
		got, err := goalstate.ParseArtifactsProfile([]byte(body))
		assert.Assert(t, err != nil && !got, body)
	}
}

type events []event.Event

func (e *events) Add(x event.Event) { *e = append(*e, x) }

func TestVMSettingsAreSummedUpEachHour(t *testing.T) {
	run(t, func(f *fake) {
		var seen events
		f.fetcher.Events = &seen
		f.host.On(settingsRoute, Code(502, ""), Code(502, ""), Code(400, ""), Abort, vmSettings("1", "FastTrack", 1))
		for range 602 {
			_, _ = f.fetcher.Fetch(f.Context())
			time.Sleep(6 * time.Second)
		}
		var sums []string
		for _, e := range seen {
			if e.Operation == "VmSettingsSummary" {
				sums = append(sums, e.Message)
			}
		}
		assert.DeepEqual(t, sums, []string{`{"requests": 601, "errors": 4, "serverErrors": 2, "clientErrors": 1, "timeouts": 0, "failedRequests": 1}`})
	})
}

func TestTwoHundredGoalStatesAlternateBetweenTheChannels(t *testing.T) {
	run(t, func(f *fake) {
		names := []string{}
		for i := range 20 {
			names = append(names, fmt.Sprintf("Contoso.E%d", i))
		}
		seen := map[string]int{}
		last := ""
		f.settings("9", "Fabric", 0)
		for i := range 200 {
			id := fmt.Sprint(i + 10)
			if i%2 == 0 {
				f.incarnation(id, true)
				f.extensions(i+1, names...)
				id = "incarnation_" + id
			} else {
				f.settings(id, "FastTrack", i+1, names...)
				id = "etag_" + id
			}
			for range 3 { // two of them change nothing
				if w := f.fetch(id, names...); w.ID != last {
					last = w.ID
					seen[w.ID]++
				}
				time.Sleep(6 * time.Second)
			}
		}
		assert.Equal(t, len(seen), 200)
		for id, n := range seen {
			assert.Equal(t, n, 1, id)
		}
		assert.Equal(t, f.wire.Count(extensionsRoute), 100)
	})
}

func TestJustInTimeUsersComeWithTheirIncarnation(t *testing.T) {
	run(t, func(f *fake) {
		w := f.fetch("incarnation_1", "Contoso.A")
		assert.Assert(t, !w.HasUsers && w.Users == nil)
		doc := strings.Replace(goalState("2", ""), "</ContainerId>", "</ContainerId><RemoteAccessInfo>http://10.0.0.1/users</RemoteAccessInfo>", 1)
		f.wire.On(goalStateRoute, Say(doc))
		f.wire.On("GET /users", Code(404, ""))
		_, err := f.fetcher.Fetch(f.Context())
		assert.ErrorContains(t, err, "/users")
		f.wire.On("GET /users", Say("<RemoteAccess><Users><User><Name>ann</Name><Password> U0VD\n </Password><Expiration>Mon, 23 Nov 2026 11:00:00 GMT</Expiration></User></Users></RemoteAccess>"))
		w = f.fetch("incarnation_2")
		assert.Assert(t, w.HasUsers)
		assert.Equal(t, w.Users[0].Name, "ann")
		assert.Equal(t, w.Users[0].Password.Reveal(), "U0VD")
		assert.Equal(t, f.wire.Seen[len(f.wire.Seen)-1].Header.Get("x-ms-cipher-name"), "AES128_CBC")
		f.incarnation("3", true)
		assert.Assert(t, !f.fetch("incarnation_3", "Contoso.A").HasUsers)
	})
}

func TestAStaleAnswerChangesNothing(t *testing.T) {
	run(t, func(f *fake) {
		f.fetch("incarnation_1", "Contoso.A")
		f.incarnation("2", true)
		f.extensions(2, "Contoso.B")
		f.fetch("incarnation_2", "Contoso.B")
		f.incarnation("1", true) // as a cache in between may answer
		f.extensions(1, "Contoso.A")
		f.fetch("incarnation_2", "Contoso.B")
		f.incarnation("2", true)
		f.extensions(2, "Contoso.B")
		f.fetch("incarnation_2", "Contoso.B")
	})
}

func TestTheHistoryIsToldOfEveryDocument(t *testing.T) {
	run(t, func(f *fake) {
		kept := keeper{}
		f.fetcher.History = kept
		f.settings("10", "FastTrack", 5, "Contoso.Fast")
		f.fetch("etag_10", "Contoso.Fast")
		for _, name := range []string{"1-10/GoalState.xml", "1-10/ExtensionsConfig.xml", "1-10/HostingEnvironmentConfig.xml", "1-10/SharedConfig.xml", "1-10/VmSettings.json"} {
			assert.Assert(t, kept[name] != "", name)
		}
		assert.Equal(t, len(kept), 5)
		f.host.On(settingsRoute, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", "11")
			_, _ = io.WriteString(w, "{broken")
		})
		f.fetch("etag_10", "Contoso.Fast")
		f.fetch("etag_10", "Contoso.Fast")
		assert.Equal(t, kept["11/VmSettings.json"], "{broken")
	})
}
