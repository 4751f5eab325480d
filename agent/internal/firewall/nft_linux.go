package firewall

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"reflect"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// nft keeps one rule in a table of its own, made and read over netlink: the program nft need not be there.
type nft struct {
	endpoint netip.Addr
	uid      int
}

const (
	nftTable = "walinuxagent"
	nftChain = "output"
)

// ctInvalidNew are the states INVALID and NEW of the connection tracker, as nftables numbers them.
const ctInvalidNew = 1 | 8

func newNftables(endpoint netip.Addr, uid int) *nft { return &nft{endpoint, uid} }

func (n *nft) name() string { return "nftables" }

// usable reports whether the kernel speaks nftables and this process may.
func (n *nft) usable() bool {
	c, err := nftables.New()
	if err != nil {
		return false
	}
	_, err = c.ListTablesOfFamily(nftables.TableFamilyIPv4)
	return err == nil
}

// rule drops new TCP connections to the fabric, except to DNS, of anybody but the agent's user.
func (n *nft) rule() []expr.Any {
	native := func(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: n.endpoint.AsSlice()},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0, 53}},
		&expr.Meta{Key: expr.MetaKeySKUID, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: native(uint32(n.uid))},
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: native(ctInvalidNew), Xor: native(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: native(0)},
		&expr.Counter{},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}
}

func (n *nft) add(context.Context) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	t := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: nftTable})
	accept := nftables.ChainPolicyAccept
	chain := c.AddChain(&nftables.Chain{
		Name: nftChain, Table: t, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput,
		Priority: nftables.ChainPriorityFilter, Policy: &accept,
	})
	c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: n.rule()})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	return nil
}

// check wants exactly the rule that add makes.
func (n *nft) check(context.Context) (state, error) {
	c, err := nftables.New()
	if err != nil {
		return none, err
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return none, fmt.Errorf("nftables: %w", err)
	}
	for _, t := range tables {
		if t.Name != nftTable {
			continue
		}
		found, err := c.GetRules(t, &nftables.Chain{Name: nftChain})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return none, fmt.Errorf("nftables: %w", err)
		}
		if len(found) == 1 && sameRule(found[0].Exprs, n.rule()) {
			return complete, nil
		}
		return partial, nil
	}
	return none, nil
}

// sameRule compares what counts; the kernel tells counters too.
func sameRule(a, b []expr.Any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if _, ok := a[i].(*expr.Counter); ok {
			a[i] = &expr.Counter{}
		}
		if !reflect.DeepEqual(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (n *nft) remove(context.Context) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	c.DelTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: nftTable})
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("nftables: %w", err)
	}
	return nil
}

// removeCopies has nothing to do: more than one rule is partial here.
func (n *nft) removeCopies(context.Context) error { return nil }

func (n *nft) print() string { return tablePrint(nftTable, nftChain) }

// tablePrint is made of the handles of a chain's rules: the kernel never gives one a second time. What is not there
// has a print, too.
func tablePrint(table, chain string) string {
	c, err := nftables.New()
	if err != nil {
		return ""
	}
	rules, err := c.GetRules(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: table}, &nftables.Chain{Name: chain})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return ""
	}
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, " %d", r.Handle)
	}
	h := fnv.New64a()
	h.Write([]byte(b.String()))
	return fmt.Sprintf("%d rules %x", len(rules), h.Sum64())
}

// watch wakes whoever waits whenever the kernel says that rules have changed.
func watch(ctx context.Context, wake chan<- struct{}) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return
	}
	defer c.Close()
	if err := c.JoinGroup(unix.NFNLGRP_NFTABLES); err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	for {
		_, err := c.Receive()
		if err != nil && !errors.Is(err, unix.ENOBUFS) { // too many at once: something has changed for sure
			return
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
