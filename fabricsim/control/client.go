package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// Client speaks to a fabric's API. Base is how its URLs start, without a slash at the end.
type Client struct {
	HTTP *http.Client
	Base string
}

// NewClient makes a client for an address as FABRICSIM_CONTROL gives it: http://host:port or unix:/path.
func NewClient(addr string) *Client {
	path, ok := strings.CutPrefix(addr, "unix:")
	if !ok {
		return &Client{HTTP: &http.Client{}, Base: strings.TrimSuffix(addr, "/")}
	}
	return &Client{Base: "http://fabricsim", HTTP: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}}
}

// Info asks what the fabric says of itself.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var i Info
	return i, c.do(ctx, http.MethodGet, "/v1/info", nil, &i)
}

// CA is the certificate, in PEM, that a guest must trust to reach blob storage.
func (c *Client) CA(ctx context.Context) ([]byte, error) {
	i, err := c.Info(ctx)
	return []byte(i.CA), err
}

// AddVM adds a virtual machine with its initial goal state.
func (c *Client) AddVM(ctx context.Context, vm goal.VM) (VM, error) {
	var added VM
	return added, c.do(ctx, http.MethodPost, "/v1/vms", vm, &added)
}

// UpdateVM changes members of a VM's spec, named as in its JSON: say {"no_fast_track": true}.
func (c *Client) UpdateVM(ctx context.Context, id string, changes map[string]any) (VM, error) {
	var vm VM
	return vm, c.do(ctx, http.MethodPatch, vmPath(id, ""), changes, &vm)
}

// RemoveVM forgets a virtual machine.
func (c *Client) RemoveVM(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, vmPath(id, ""), nil, nil)
}

// VMs lists the ids of all virtual machines.
func (c *Client) VMs(ctx context.Context) ([]string, error) {
	var ids []string
	return ids, c.do(ctx, http.MethodGet, "/v1/vms", nil, &ids)
}

// VM is all that is known of a virtual machine now.
func (c *Client) VM(ctx context.Context, id string) (VM, error) {
	var vm VM
	return vm, c.do(ctx, http.MethodGet, vmPath(id, ""), nil, &vm)
}

// WaitVM waits until good says yes. Good also says what it saw, which the error tells when ctx is done first.
func (c *Client) WaitVM(ctx context.Context, id string, good func(VM) (ok bool, saw string)) (VM, error) {
	vm, err := c.VM(ctx, id)
	for {
		if err != nil {
			return vm, err
		}
		ok, saw := good(vm)
		if ok {
			return vm, nil
		}
		var next VM
		path := vmPath(id, fmt.Sprintf("?wait=30s&after=%d", vm.Revision))
		if err = c.do(ctx, http.MethodGet, path, nil, &next); ctx.Err() != nil {
			return vm, fmt.Errorf("VM %s: %w; last seen: %s", id, context.Cause(ctx), saw)
		}
		vm = next
	}
}

// SetGoalState makes s what is wanted of a VM, and answers the VM with the goal state's id.
func (c *Client) SetGoalState(ctx context.Context, id string, s goal.State) (VM, error) {
	var vm VM
	return vm, c.do(ctx, http.MethodPut, vmPath(id, "/goal-state"), s, &vm)
}

// SetAddresses says from which addresses a VM's requests come.
func (c *Client) SetAddresses(ctx context.Context, id string, addresses ...string) error {
	return c.do(ctx, http.MethodPut, vmPath(id, "/addresses"), addresses, nil)
}

// Redeploy changes a VM's container id and config name, as service healing does.
func (c *Client) Redeploy(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, vmPath(id, "/redeploy"), nil, nil)
}

// Reuse gives a pre-provisioned VM its owner's OVF document.
func (c *Client) Reuse(ctx context.Context, id string, ovf []byte) error {
	return c.do(ctx, http.MethodPost, vmPath(id, "/reuse"), ovf, nil)
}

// RotateCertificates gives a VM a new tenant certificate.
func (c *Client) RotateCertificates(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, vmPath(id, "/rotate-certificates"), nil, nil)
}

// Events are a VM's telemetry events from number from on.
func (c *Client) Events(ctx context.Context, id string, from int64) ([]Event, error) {
	var list []Event
	return list, c.do(ctx, http.MethodGet, vmPath(id, "/events?from="+strconv.FormatInt(from, 10)), nil, &list)
}

// Logs is the archive a VM uploaded last.
func (c *Client) Logs(ctx context.Context, id string) ([]byte, error) {
	var data []byte
	return data, c.do(ctx, http.MethodGet, vmPath(id, "/logs"), nil, &data)
}

// PutPackage keeps an extension's package for all VMs; goal states name it without bringing it.
func (c *Client) PutPackage(ctx context.Context, name, version string, archive []byte) error {
	return c.do(ctx, http.MethodPut, "/v1/packages/"+url.PathEscape(name)+"/"+url.PathEscape(version), archive, nil)
}

// Blobs lists what is in storage.
func (c *Client) Blobs(ctx context.Context) ([]BlobInfo, error) {
	var list []BlobInfo
	return list, c.do(ctx, http.MethodGet, "/v1/blobs", nil, &list)
}

// Blob reads a blob, whatever its permissions.
func (c *Client) Blob(ctx context.Context, account, path string) ([]byte, error) {
	var data []byte
	return data, c.do(ctx, http.MethodGet, "/v1/blobs/"+account+"/"+path, nil, &data)
}

// AddFaults appends steps to the playbook.
func (c *Client) AddFaults(ctx context.Context, steps ...fault.Step) error {
	return c.do(ctx, http.MethodPost, "/v1/faults", steps, nil)
}

// ClearFaults forgets the playbook.
func (c *Client) ClearFaults(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/v1/faults", nil, nil)
}

// Faults tells how far the playbook is.
func (c *Client) Faults(ctx context.Context) ([]fault.State, error) {
	var list []fault.State
	return list, c.do(ctx, http.MethodGet, "/v1/faults", nil, &list)
}

// CutOff makes a surface (wireserver, hostga, imds, blobs) answer nobody, or everybody again.
func (c *Client) CutOff(ctx context.Context, surface string, cut bool) error {
	return c.do(ctx, http.MethodPut, "/v1/surfaces/"+surface, Surface{Cut: cut}, nil)
}

// Journal returns entries from number from on; it waits up to wait for the first. Limit 0 is all.
func (c *Client) Journal(ctx context.Context, from int64, limit int, wait time.Duration) ([]journal.Entry, error) {
	var list []journal.Entry
	path := fmt.Sprintf("/v1/journal?from=%d&limit=%d&wait=%s", from, limit, wait)
	return list, c.do(ctx, http.MethodGet, path, nil, &list)
}

func vmPath(id, rest string) string { return "/v1/vms/" + url.PathEscape(id) + rest }

// do makes a request: in is sent as JSON, or as it is if it is bytes; out is the other way round.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	switch x := in.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(x)
	default:
		text, err := json.Marshal(x)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return failure(resp)
	}
	switch x := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*x, err = io.ReadAll(resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// failure is the error an answer tells.
func failure(resp *http.Response) error {
	defer resp.Body.Close()
	var e Error
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	if json.Unmarshal(text, &e) == nil && e.Message != "" {
		return errors.New(e.Message)
	}
	return fmt.Errorf("the fabric answered %s", resp.Status)
}
