package scenarios

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/ovfgen"
	"github.com/waagent-go/waagent/scenarios/machine/loopback"
)

// proxy is a real HTTP proxy that makes tunnels into blob storage and writes down for whom.
type proxy struct {
	storage string // where storage listens

	mu    sync.Mutex
	asked []string // METHOD host:port
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	if r.Method != http.MethodConnect || !strings.HasSuffix(r.Host, "."+fabricsim.BlobDomain+":443") {
		http.Error(w, "not through here", http.StatusForbidden)
		return
	}
	far, err := net.Dial("tcp", p.storage)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	w.WriteHeader(http.StatusOK)
	near, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	go io.Copy(far, rest) //nolint:errcheck // it ends with either side
	io.Copy(near, far)    //nolint:errcheck // it ends with either side
}

func (p *proxy) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// Storage can be reached through the proxy alone and HostGAPlugin refuses to help, so whatever of an extension arrives, and
// its status, went through the proxy. The fabric's own addresses are the agent's to dial.
func TestStorageIsReachedThroughTheProxyAndTheFabricIsNot(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, addr netip.AddrPort) (conf map[string]string){
		"by waagent.conf": func(_ *testing.T, at netip.AddrPort) map[string]string {
			return map[string]string{"HttpProxy.Host": at.Addr().String(), "HttpProxy.Port": strconv.Itoa(int(at.Port()))}
		},
		"by the environment": func(t *testing.T, at netip.AddrPort) map[string]string {
			for _, name := range []string{"http_proxy", "https_proxy"} {
				t.Setenv(name, "http://"+at.String())
			}
			t.Setenv("no_proxy", "")
			return map[string]string{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := fabricsim.New(fabricsim.Options{})
			assert.NilError(t, err)
			state := extensionState(t)
			assert.NilError(t, f.AddVM(goal.VM{ID: "web01", Initial: &state}))
			for _, route := range []string{"status", "extensionArtifact"} { // the other way to storage
				assert.NilError(t, f.AddFaults(fault.Step{Route: route, Status: 400, Count: -1}))
			}
			p := &proxy{storage: serve(t, f, f.Blobs(), true)}
			at := serve(t, f, p, false)
			conf := set(t, netip.MustParseAddrPort(at))
			conf["Extensions.GoalStatePeriod"] = "1"
			places := map[string]string{
				fabricsim.WireServerIP + ":80": serve(t, f, f.WireServer(), false), fabricsim.WireServerIP + ":32526": serve(t, f, f.HostGA(), false),
				fabricsim.IMDSIP + ":80": serve(t, f, f.IMDS(), false), at: at,
			}
			bootBehind(t, f, conf, func(ctx context.Context, network, addr string) (net.Conn, error) {
				place, ok := places[addr]
				if !ok {
					return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no way there but the proxy")}
				}
				return new(net.Dialer).DialContext(ctx, network, place)
			})

			client, stop := control.InProcess(f.Control())
			defer stop()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			vm, err := client.WaitVM(ctx, "web01", func(vm control.VM) (bool, string) {
				status := vm.ExtensionStatus("Contoso.Sample", "")
				return status == "success", "status " + status
			})
			assert.NilError(t, err, "%v", p.seen())
			assert.Equal(t, vm.Status.Via, "direct")
			for _, account := range []string{"packages", "md-status"} {
				assert.Assert(t, slices.Contains(p.seen(), "CONNECT "+account+"."+fabricsim.BlobDomain+":443"), "%v", p.seen())
			}
			for _, asked := range p.seen() {
				assert.Assert(t, strings.HasSuffix(asked, "."+fabricsim.BlobDomain+":443"), "only storage: %s", asked)
			}
		})
	}
}

// bootBehind boots our agent with connections made by dial.
func bootBehind(t *testing.T, f *fabricsim.Fabric, conf map[string]string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	t.Helper()
	spec, err := ovfgen.Parse([]byte("hostname: web01\nuser: azureuser\npassword: Fabric-s1m\n"))
	assert.NilError(t, err)
	dvd := filepath.Join(t.TempDir(), "dvd.iso")
	image, err := os.Create(dvd)
	assert.NilError(t, err)
	assert.NilError(t, ovfgen.Write(image, spec))
	assert.NilError(t, image.Close())
	guest, err := loopback.Boot(loopback.Spec{
		Root: t.TempDir(), DVD: dvd, UUID: goal.GUID("vm", "web01"), CA: f.CA(), Conf: conf, Dial: dial,
	})
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, guest.Close(context.Background())) })
}

// extensionState wants the sample extension.
func extensionState(t *testing.T) goal.State {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, giveSample(dir))
	s, err := goal.Parse([]byte("extensions:\n  - {name: Contoso.Sample, package: sample, settings: {seq: 1}}\n"), os.DirFS(dir), ".")
	assert.NilError(t, err)
	return s
}
