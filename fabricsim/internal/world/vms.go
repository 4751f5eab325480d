package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// UpdateVM changes members of a VM's spec, given as JSON. Its id stays, and container and configuration change by
// Redeploy only, which remembers the old ones.
func (w *World) UpdateVM(id string, changes []byte) error {
	return w.update(id, func(v *vm) error {
		spec := v.spec
		spec.Addresses, spec.Compute = slices.Clone(spec.Addresses), maps.Clone(spec.Compute)
		spec.ScheduledEvents = nil // nothing of an old event must get into a new one
		dec := json.NewDecoder(bytes.NewReader(changes))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&spec); err != nil {
			return err
		}
		if spec.ScheduledEvents == nil {
			spec.ScheduledEvents = v.spec.ScheduledEvents
		}
		if spec.ID != v.spec.ID || spec.ContainerID != v.spec.ContainerID || spec.ConfigName != v.spec.ConfigName || spec.VMID != v.spec.VMID {
			return errors.New("the ids of a VM cannot be changed")
		}
		if err := spec.Check(); err != nil {
			return err
		}
		if err := w.moveAddresses(v, spec.Addresses); err != nil {
			return err
		}
		events := spec.ScheduledEvents
		spec.ScheduledEvents = v.spec.ScheduledEvents
		v.spec = spec
		v.schedule(events)
		return nil
	})
}

// Redeploy moves a VM to another container, as service healing does: its ids change, the incarnation does not.
func (w *World) Redeploy(id string) error {
	return w.update(id, func(v *vm) error {
		v.former = append(v.former, identity{v.spec.ContainerID, v.spec.ConfigName})
		n := strconv.Itoa(len(v.former))
		v.spec.ContainerID = goal.GUID("container", id+"/"+n)
		v.spec.ConfigName = v.spec.ConfigName[:len(v.spec.ConfigName)-len(".xml")] + "." + n + ".xml"
		return nil
	})
}

// Reuse hands a pre-provisioned VM to its owner: reprovisiondata answers ovf from now on and the pool type is None.
// Change adjusts what else is different, say the admin user; it may be nil.
func (w *World) Reuse(id, ovf string, change func(*goal.VM)) error {
	return w.update(id, func(v *vm) error {
		v.reprovision = ovf
		v.spec.PPS = "None"
		if change != nil {
			change(&v.spec)
		}
		return nil
	})
}

// Wait returns what is known of a VM once its revision is above after, or when ctx is done.
func (w *World) Wait(ctx context.Context, id string, after int64) (control.VM, error) {
	for {
		seen, changed, err := w.seen(id)
		if err != nil || seen.Revision > after {
			return seen, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return seen, nil
		}
	}
}

func (w *World) seen(id string) (control.VM, chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.vms[id]
	if v == nil {
		return control.VM{}, nil, ErrNoVM
	}
	s := v.seen
	s.Spec, s.Incarnation, s.ETag = v.spec, v.incarnation, strconv.FormatInt(v.etag, 10)
	s.Channel, s.GoalStateID = string(goal.Fabric), "incarnation_"+strconv.Itoa(v.incarnation)
	if v.fastTracking {
		s.Channel, s.GoalStateID = string(goal.FastTrack), "etag_"+s.ETag
	}
	s.Health = slices.Clone(s.Health)
	s.Properties = maps.Clone(s.Properties)
	s.Observations = slices.Clone(s.Observations)
	s.StatusBlob = statusAccount + "/" + v.statusPath
	if v.settings != nil {
		s.StatusURL = v.settings.Goal.StatusURL
	}
	s.Certificates = v.tenancy.describe()
	return s, v.changed, nil
}
