package provision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// errFailpoint is wrapped when a failpoint stopped the work: nobody is told, for the process counts as dead.
var errFailpoint = errors.New("failpoint")

func (p *Provisioner) reach(point string) error {
	if p.Failpoint == nil {
		return nil
	}
	if err := p.Failpoint("provision." + point); err != nil {
		return fmt.Errorf("%w %s: %w", errFailpoint, point, err)
	}
	return nil
}

// MarkerFile in Lib.Dir says that the VM whose id it holds has been provisioned, by whichever agent.
const MarkerFile = "provisioned"

// recordFile in Lib.Dir is this agent's own record of a provisioning.
const recordFile = "state/provisioning.json"

// ProvisionedByAnother reports whether a VM has been provisioned, and not by this agent.
func ProvisionedByAnother(files host.Files, libDir string) bool {
	return files.Exists(path.Join(libDir, MarkerFile)) && !files.Exists(path.Join(libDir, recordFile))
}

func (p *Provisioner) lib(name string) string { return path.Join(p.Config.LibDir, name) }

// marker is the id in the marker file, and whether there is one.
func (p *Provisioner) marker() (string, bool) {
	data, err := p.Files.ReadFile(p.lib(MarkerFile))
	return strings.TrimSpace(string(data)), err == nil
}

func (p *Provisioner) writeMarker(vm string) error {
	if marked, ok := p.marker(); ok && marked == vm {
		return nil
	}
	if err := p.reach("marker"); err != nil {
		return err
	}
	return p.Files.WriteAtomic(p.lib(MarkerFile), []byte(vm), 0o644)
}

// record is what a restart has to know of a provisioning that the marker calls done: what of the end is left to do.
type record struct {
	Version     int    `json:"version"`
	VM          string `json:"vm"`
	Agent       string `json:"agent"`
	Flavour     string `json:"flavour"`
	HostName    string `json:"hostName,omitempty"`
	UserName    string `json:"userName,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Device      string `json:"device,omitempty"`  // the drive to eject
	Execute     bool   `json:"execute,omitempty"` // custom data is to be run
	GuestAgent  bool   `json:"guestAgent"`        // false: the agent is to disable itself
	Finished    bool   `json:"finished"`          // all of the end is done
	Ready       bool   `json:"ready"`             // and the fabric knows
}

// recordFields are the names of a record's fields, which a reader knows in any case, the ones left out when empty too.
var recordFields = []string{
	"version", "vm", "agent", "flavour", "hostName", "userName", "fingerprint", "device", "execute", "guestAgent", "finished", "ready",
}

func (p *Provisioner) readRecord() (record, error) {
	var r record
	data, err := p.Files.ReadFile(p.lib(recordFile))
	if err != nil {
		return record{}, err
	}
	err = json.Unmarshal(data, &r)
	return r, err
}

// writeRecord keeps the fields of a newer agent that this one does not know.
func (p *Provisioner) writeRecord(r record) error {
	if err := p.reach("record"); err != nil {
		return err
	}
	r.Version = 1
	fields := map[string]json.RawMessage{}
	if old, err := p.Files.ReadFile(p.lib(recordFile)); err == nil {
		_ = json.Unmarshal(old, &fields) // an unreadable record is replaced
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var ours map[string]json.RawMessage
	if err := json.Unmarshal(data, &ours); err != nil {
		return err
	}
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool {
		return slices.ContainsFunc(recordFields, func(known string) bool { return strings.EqualFold(name, known) })
	})
	maps.Copy(ours, fields)
	if data, err = json.Marshal(ours); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	if err := p.Files.MkdirAll(path.Dir(p.lib(recordFile)), 0o700); err != nil {
		return err
	}
	return p.Files.WriteAtomic(p.lib(recordFile), out.Bytes(), 0o600)
}

// Acknowledge notes that the fabric has taken Ready; until then every start of the daemon reports it again.
func (p *Provisioner) Acknowledge() error {
	r, err := p.readRecord()
	if errors.Is(err, fs.ErrNotExist) || r.Ready {
		return nil // a Ready that is reported at each start anyway
	}
	if err != nil {
		return err
	}
	r.Ready = true
	return p.writeRecord(r)
}
