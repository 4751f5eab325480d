package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// iptables keeps the rules in the table security, which is made for mandatory access control and which no other
// software flushes by habit.
type iptables struct {
	m      Machine
	rules  [][]string
	legacy []string // the rule of agents up to 2.2.25
	wait   bool     // -w is known
	old    bool     // the kernel's old tables, not nftables behind the old command
}

// rules are what comes after the chain's name. The order counts: what the first two let pass, the third would drop.
func rules(endpoint netip.Addr, uid int) [][]string {
	to := []string{"-d", endpoint.String(), "-p", "tcp"}
	return [][]string{
		slices.Concat(to, []string{"--destination-port", "53", "-j", "ACCEPT"}),
		slices.Concat(to, []string{"-m", "owner", "--uid-owner", strconv.Itoa(uid), "-j", "ACCEPT"}),
		slices.Concat(to, []string{"-m", "conntrack", "--ctstate", "INVALID,NEW", "-j", "DROP"}),
	}
}

func newIptables(ctx context.Context, f *Firewall) (*iptables, error) {
	res, err := f.Machine.Run(ctx, machine.Command{Argv: []string{"iptables", "--version"}})
	if err != nil {
		return nil, err
	}
	t := &iptables{m: f.Machine, rules: rules(f.Endpoint, f.UID)}
	t.legacy = []string{"-d", f.Endpoint.String(), "-p", "tcp", "-m", "conntrack", "--ctstate", "INVALID,NEW", "-j", "ACCEPT"}
	t.wait = waits(string(res.Stdout))
	t.old = !strings.Contains(string(res.Stdout), "nf_tables")
	if !f.Files.Exists("/proc/sys/net/netfilter") && f.Machine.Has("modprobe") {
		_ = t.exec(ctx, "modprobe", "nf_conntrack") // else the third rule may be refused; the rule says so itself
	}
	if _, err := t.list(ctx); err != nil { // no such table in this kernel
		return nil, err
	}
	return t, nil
}

// waits reports whether this iptables knows -w: from 1.4.21 on.
func waits(version string) bool {
	_, v, _ := strings.Cut(version, " v")
	var a, b, c int
	if _, err := fmt.Sscanf(v, "%d.%d.%d", &a, &b, &c); err != nil {
		return false
	}
	return a > 1 || a == 1 && (b > 4 || b == 4 && c >= 21)
}

func (t *iptables) name() string { return "iptables" }

func (t *iptables) print() string {
	if t.old {
		return host.XtablesPrint("security")
	}
	return tablePrint("security", "OUTPUT")
}

// check lists the chain once. A rule that is not seen there is asked for by itself: versions spell rules differently,
// and a rule that is added again and again fills the chain.
func (t *iptables) check(ctx context.Context) (state, error) {
	listed, err := t.list(ctx)
	if err != nil {
		return none, err
	}
	at, found, copies := -1, 0, 0
	for _, r := range t.rules {
		i := slices.IndexFunc(listed, func(line string) bool { return spellsRule(line, r) })
		if i < 0 {
			there, err := t.has(ctx, r)
			if err != nil {
				return none, err
			}
			if there {
				found++
			}
			continue
		}
		if found++; i < at {
			return partial, nil // in the wrong order
		}
		if slices.ContainsFunc(listed[i+1:], func(line string) bool { return spellsRule(line, r) }) {
			copies++
		}
		at = i
	}
	switch found {
	case 0:
		return none, nil
	case len(t.rules):
		if copies > 0 {
			return repeated, nil
		}
		return complete, nil
	}
	return partial, nil
}

// removeCopies leaves one of each rule. The first of several is deleted, and the last rule's first: so all that is left
// lets the same through at every moment.
func (t *iptables) removeCopies(ctx context.Context) error {
	for _, r := range slices.Backward(t.rules) {
		listed, err := t.list(ctx)
		if err != nil {
			return err
		}
		copies := -1
		for _, line := range listed {
			if spellsRule(line, r) {
				copies++
			}
		}
		if err := t.removeTimes(ctx, copies, r); err != nil {
			return err
		}
	}
	return nil
}

// spellsRule compares a line of iptables -S with a rule.
func spellsRule(line string, rule []string) bool {
	words, ok := strings.CutPrefix(line, "-A OUTPUT ")
	if !ok {
		return false
	}
	words = strings.NewReplacer(" -m tcp", "", "/32 ", " ", "--dport", "--destination-port", "NEW,INVALID", "INVALID,NEW").Replace(words)
	got, want := strings.Fields(words), slices.Clone(rule)
	slices.Sort(got)
	slices.Sort(want)
	return slices.Equal(got, want)
}

func (t *iptables) list(ctx context.Context) ([]string, error) {
	res, err := t.m.Run(ctx, machine.Command{Argv: t.argv("-S", nil)})
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(string(res.Stdout)), "\n"), nil
}

// has asks for one rule; exit code 1 is a no.
func (t *iptables) has(ctx context.Context, rule []string) (bool, error) {
	err := t.exec(ctx, t.argv("-C", rule)...)
	if code := exitCode(err); code == 1 {
		return false, nil
	}
	return err == nil, err
}

func (t *iptables) add(ctx context.Context) error {
	for _, r := range t.rules {
		if err := t.exec(ctx, t.argv("-A", r)...); err != nil {
			return err
		}
	}
	return nil
}

func (t *iptables) remove(ctx context.Context) error {
	var errs []error
	for _, r := range t.rules {
		errs = append(errs, t.removeTimes(ctx, maxCopies, r))
	}
	return errors.Join(errs...)
}

// maxCopies bounds how often one rule is deleted: it may be there more than once.
const maxCopies = 99

// removeTimes deletes a rule up to n times. That it is not there, or not any more, is no error: somebody else may be
// changing the chain, and what there is then is for the next check to say.
func (t *iptables) removeTimes(ctx context.Context, n int, rule []string) error {
	for range n {
		switch err := t.exec(ctx, t.argv("-D", rule)...); {
		case exitCode(err) == 1:
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// removeLegacy takes away what very old agents left: it would let everybody pass.
func (t *iptables) removeLegacy(ctx context.Context) {
	if there, err := t.has(ctx, t.legacy); err == nil && there {
		_ = t.removeTimes(ctx, maxCopies, t.legacy) // what stays is found again at the next start
	}
}

func (t *iptables) argv(op string, rule []string) []string {
	argv := []string{"iptables"}
	if t.wait {
		argv = append(argv, "-w")
	}
	return append(append(argv, "-t", "security", op, "OUTPUT"), rule...)
}

func (t *iptables) exec(ctx context.Context, argv ...string) error {
	_, err := t.m.Run(ctx, machine.Command{Argv: argv})
	return err
}

// exitCode is that of a program that ran, -1 for any other error, 0 for none.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *machine.ExitError
	if errors.As(err, &exit) {
		return exit.Code
	}
	return -1
}
