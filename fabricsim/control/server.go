package control

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// Backend is the fabric behind the API. Errors that wrap fs.ErrNotExist are answered by 404, others by 400.
type Backend interface {
	AddVM(vm goal.VM) error
	// UpdateVM changes members of a VM's spec: a JSON object of those that are different.
	UpdateVM(id string, changes []byte) error
	RemoveVM(id string) error
	VMs() []string
	// WaitVM returns the VM once its revision is above after, or as it is when ctx is done.
	WaitVM(ctx context.Context, id string, after int64) (VM, error)
	SetGoalState(id string, s goal.State) error
	SetAddresses(id string, addresses []string) error
	Redeploy(id string) error
	Reuse(id, ovf string) error
	RotateCertificates(id string) error
	Events(id string, from int64) ([]Event, error)
	Logs(id string) ([]byte, error)

	PutPackage(name, version string, archive []byte) error
	ListBlobs() []BlobInfo
	ReadBlob(account, path string) ([]byte, error)

	AddFaults(steps ...fault.Step) error
	ClearFaults()
	Faults() []fault.State
	CutOff(surface string, cut bool) error

	// Entries returns journal entries from number n on, at least one unless ctx is done first; limit 0 is all.
	Entries(ctx context.Context, n int64, limit int) []journal.Entry
	Info() Info
	// DialGuest connects to a guest's port from the fabric's side of its network.
	DialGuest(ctx context.Context, addr string) (net.Conn, error)
}

// Info is what a fabric says of itself.
type Info struct {
	CA           string `json:"ca"` // PEM, signs the certificate of blob storage
	LastEntry    int64  `json:"lastEntry"`
	ClientErrors int64  `json:"clientErrors"`
	BlobURL      string `json:"blobUrl"` // how URLs of blobs start, with {account} or without
}

// maxBody bounds a request: packages are in it.
const maxBody = 512 << 20

// maxWait bounds a long poll; a client asks again.
const maxWait = time.Minute

// Handler serves the API over b.
func Handler(b Backend) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/info", func(w http.ResponseWriter, _ *http.Request) { reply(w, b.Info(), nil) })
	handleVMs(m, b)
	handleLife(m, b)
	handleFaults(m, b)
	handleStorage(m, b)
	m.HandleFunc("GET /v1/journal", func(w http.ResponseWriter, r *http.Request) { entries(w, r, b) })
	m.HandleFunc("POST /v1/dial", func(w http.ResponseWriter, r *http.Request) { dial(w, r, b) })
	return m
}

func handleVMs(m *http.ServeMux, b Backend) {
	m.HandleFunc("GET /v1/vms", func(w http.ResponseWriter, _ *http.Request) { reply(w, b.VMs(), nil) })
	m.HandleFunc("POST /v1/vms", func(w http.ResponseWriter, r *http.Request) {
		var vm goal.VM
		if read(w, r, &vm) {
			replyVM(w, b, vm.ID, b.AddVM(vm))
		}
	})
	m.HandleFunc("GET /v1/vms/{id}", func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.ParseInt(r.FormValue("after"), 10, 64)
		if err != nil {
			after = -1 // as it is now
		}
		ctx, cancel := waiting(r)
		defer cancel()
		vm, err := b.WaitVM(ctx, r.PathValue("id"), after)
		reply(w, vm, err)
	})
	m.HandleFunc("PATCH /v1/vms/{id}", func(w http.ResponseWriter, r *http.Request) {
		changes, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			err = b.UpdateVM(r.PathValue("id"), changes)
		}
		replyVM(w, b, r.PathValue("id"), err)
	})
	m.HandleFunc("DELETE /v1/vms/{id}", func(w http.ResponseWriter, r *http.Request) { reply(w, nil, b.RemoveVM(r.PathValue("id"))) })
	m.HandleFunc("PUT /v1/vms/{id}/goal-state", func(w http.ResponseWriter, r *http.Request) {
		var s goal.State
		if read(w, r, &s) {
			replyVM(w, b, r.PathValue("id"), b.SetGoalState(r.PathValue("id"), s))
		}
	})
	m.HandleFunc("PUT /v1/vms/{id}/addresses", func(w http.ResponseWriter, r *http.Request) {
		var addresses []string
		if read(w, r, &addresses) {
			reply(w, nil, b.SetAddresses(r.PathValue("id"), addresses))
		}
	})
}

// handleLife serves what happens to a VM, and what it left.
func handleLife(m *http.ServeMux, b Backend) {
	m.HandleFunc("POST /v1/vms/{id}/redeploy", func(w http.ResponseWriter, r *http.Request) { reply(w, nil, b.Redeploy(r.PathValue("id"))) })
	m.HandleFunc("POST /v1/vms/{id}/rotate-certificates", func(w http.ResponseWriter, r *http.Request) {
		reply(w, nil, b.RotateCertificates(r.PathValue("id")))
	})
	m.HandleFunc("POST /v1/vms/{id}/reuse", func(w http.ResponseWriter, r *http.Request) {
		ovf, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			err = b.Reuse(r.PathValue("id"), string(ovf))
		}
		reply(w, nil, err)
	})
	m.HandleFunc("GET /v1/vms/{id}/events", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.ParseInt(r.FormValue("from"), 10, 64) // 0 is all
		list, err := b.Events(r.PathValue("id"), from)
		reply(w, list, err)
	})
	m.HandleFunc("GET /v1/vms/{id}/logs", func(w http.ResponseWriter, r *http.Request) {
		data, err := b.Logs(r.PathValue("id"))
		replyBytes(w, data, err)
	})
}

func handleFaults(m *http.ServeMux, b Backend) {
	m.HandleFunc("GET /v1/faults", func(w http.ResponseWriter, _ *http.Request) { reply(w, b.Faults(), nil) })
	m.HandleFunc("POST /v1/faults", func(w http.ResponseWriter, r *http.Request) {
		var steps []fault.Step
		if read(w, r, &steps) {
			reply(w, nil, b.AddFaults(steps...))
		}
	})
	m.HandleFunc("DELETE /v1/faults", func(w http.ResponseWriter, _ *http.Request) {
		b.ClearFaults()
		reply(w, nil, nil)
	})
	m.HandleFunc("PUT /v1/surfaces/{name}", func(w http.ResponseWriter, r *http.Request) {
		var s Surface
		if read(w, r, &s) {
			reply(w, nil, b.CutOff(r.PathValue("name"), s.Cut))
		}
	})
}

// Surface is the body of PUT /v1/surfaces/{name}: whether it answers nobody.
type Surface struct {
	Cut bool `json:"cut"`
}

func handleStorage(m *http.ServeMux, b Backend) {
	m.HandleFunc("PUT /v1/packages/{name}/{version}", func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			err = b.PutPackage(r.PathValue("name"), r.PathValue("version"), data)
		}
		reply(w, nil, err)
	})
	m.HandleFunc("GET /v1/blobs", func(w http.ResponseWriter, _ *http.Request) { reply(w, b.ListBlobs(), nil) })
	m.HandleFunc("GET /v1/blobs/{account}/{path...}", func(w http.ResponseWriter, r *http.Request) {
		data, err := b.ReadBlob(r.PathValue("account"), r.PathValue("path"))
		replyBytes(w, data, err)
	})
}

func entries(w http.ResponseWriter, r *http.Request, b Backend) {
	from, _ := strconv.ParseInt(r.FormValue("from"), 10, 64) // 0 is the first
	limit, _ := strconv.Atoi(r.FormValue("limit"))           // 0 is all
	ctx, cancel := waiting(r)
	defer cancel()
	list := b.Entries(ctx, max(from, 1), limit)
	if list == nil {
		list = []journal.Entry{}
	}
	reply(w, list, nil)
}
