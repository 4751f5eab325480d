package fabricsim_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/internal/tenant"
)

// Two fabrics in one process, each asked and changed from many goroutines, share nothing.
func TestTwoFabricsNeverMeet(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for n := range 2 {
		f := newFabric(t)
		for v := range 4 {
			id := fmt.Sprintf("vm%d", v)
			assert.NilError(t, f.AddVM(goal.VM{ID: id, Name: fmt.Sprintf("fabric%d-%s", n, id), Addresses: []string{"10.0.0." + fmt.Sprint(v)}}))
			wg.Go(func() {
				for range 20 {
					assert.Check(t, f.SetGoalState(id, goal.State{Extensions: []goal.Extension{{Name: "A.B"}}}) == nil)
				}
			})
			wg.Go(func() {
				for range 50 {
					text := poll(f, "10.0.0."+fmt.Sprint(v))
					assert.Check(t, strings.Contains(text, fmt.Sprintf("fabric%d-%s", n, id)), text)
				}
			})
		}
	}
	wg.Wait()
}

func poll(f *fabricsim.Fabric, from string) string {
	r := httptest.NewRequest("GET", "http://168.63.129.16/machine/?comp=goalstate", nil)
	r.RemoteAddr = from + ":1000"
	r.Header.Set("x-ms-version", "2012-11-30")
	w := httptest.NewRecorder()
	f.WireServer().ServeHTTP(w, r)
	return w.Body.String()
}

// BenchmarkSwarm measures what one VM of 10,000 costs: memory at rest and the time of its three polls.
func BenchmarkSwarm(b *testing.B) {
	const vms = 10000
	key, err := tenant.RSA()
	if err != nil {
		b.Fatal(err)
	}
	f, err := fabricsim.New(fabricsim.Options{KeepEvents: 10, NewKey: func() (crypto.Signer, error) { return key, nil }})
	if err != nil {
		b.Fatal(err)
	}
	address := func(i int) string { return fmt.Sprintf("10.%d.%d.4", i/256, i%256) }
	start := time.Now()
	for i := range vms {
		if err := f.AddVM(goal.VM{ID: fmt.Sprintf("vm%05d", i), Addresses: []string{address(i)}}); err != nil {
			b.Fatal(err)
		}
	}
	added := time.Since(start)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	i := 0
	for b.Loop() {
		pollAll(f, address(i%vms), fmt.Sprintf("vm%05d", i%vms))
		i++
	}
	b.ReportMetric(float64(added.Microseconds())/vms, "us/vm-add")
	b.ReportMetric(float64(m.HeapAlloc)/vms/1024, "KiB/vm")
}

// upload is the body of a status upload.
func upload(f *fabricsim.Fabric, id string) string {
	vm, err := f.WaitVM(context.Background(), id, -1)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(`{"content":%q,"headers":[{"headerName":"x-ms-blob-type","headerValue":"BlockBlob"}],"requestUri":%q}`,
		base64.StdEncoding.EncodeToString([]byte(statusText)), vm.StatusURL)
}

// pollAll is a VM's traffic of six seconds: goal state, vmSettings, status.
func pollAll(f *fabricsim.Fabric, from, id string) {
	poll(f, from)
	vm := goal.VM{ID: id}
	vm.Check() //nolint:errcheck // it has an id
	headers := func(method, path, body string) {
		r := httptest.NewRequest(method, "http://168.63.129.16:32526"+path, strings.NewReader(body))
		r.RemoteAddr = from + ":1000"
		r.Header.Set("x-ms-version", "2015-09-01")
		r.Header.Set("x-ms-containerid", vm.ContainerID)
		r.Header.Set("x-ms-host-config-name", vm.ConfigName)
		f.HostGA().ServeHTTP(httptest.NewRecorder(), r)
	}
	headers("GET", "/vmSettings", "")
	headers("PUT", "/status", upload(f, id))
}
