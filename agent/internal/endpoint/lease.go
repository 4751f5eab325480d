package endpoint

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// leaseFiles are where DHCP clients keep their leases, and how each writes them.
var leaseFiles = []struct {
	pattern string
	parse   func(data []byte, now time.Time) (Offer, error)
}{
	{"/run/systemd/netif/leases/*", ParseNetworkd},
	{"/var/lib/dhcp/dhclient*.lease*", ParseISC},
	{"/var/lib/dhclient/dhclient*.lease*", ParseISC},
	{"/var/lib/NetworkManager/dhclient-*.lease", ParseISC},
	{"/var/lib/NetworkManager/internal-*.lease", ParseNetworkd}, // its own client writes the same form
	{"/run/dhclient*.lease*", ParseISC},
	{"/var/db/dhclient.leases.*", ParseISC},
	{"/var/lib/dhcpcd/*.lease", parseRaw},
	{"/var/lib/dhcpcd5/*.lease", parseRaw},
	{"/var/db/dhcpcd/*.lease", parseRaw},
}

// Leases reads every lease that names a WireServer endpoint, the most trusted client's first. What cannot be read is
// left out: another program's file is no reason to fail.
func Leases(files host.Files, now time.Time) []Offer {
	var offers []Offer
	for _, l := range leaseFiles {
		for _, name := range files.Glob(l.pattern) {
			data, err := files.ReadFile(name)
			if err != nil {
				continue
			}
			if o, err := l.parse(data, now); err == nil && o.Endpoint.IsValid() {
				o.Source = name
				offers = append(offers, o)
			}
		}
	}
	return offers
}

func parseRaw(data []byte, _ time.Time) (Offer, error) { return ParseReply(data) }

// ParseNetworkd reads a lease of systemd-networkd, KEY=value lines.
func ParseNetworkd(data []byte, _ time.Time) (Offer, error) {
	var o Offer
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "OPTION_245":
			raw, err := hex.DecodeString(value)
			if err != nil || len(raw) != 4 {
				return o, fmt.Errorf("read lease: line %d: OPTION_245 is %.20q", number, value)
			}
			o.Endpoint = netip.AddrFrom4([4]byte(raw))
		case "ROUTER":
			first, _, _ := strings.Cut(value, " ")
			o.Gateway, _ = netip.ParseAddr(first)
		case "ROUTES":
			for pair := range strings.FieldsSeq(value) {
				to, via, _ := strings.Cut(pair, ",")
				prefix, err1 := netip.ParsePrefix(to)
				addr, err2 := netip.ParseAddr(via)
				if err1 == nil && err2 == nil {
					o.add([]Route{{To: prefix.Masked(), Via: addr}})
				}
			}
		}
	}
	return o, nil
}

// ParseISC reads a lease database of dhclient and takes the last lease that has not expired. An endpoint that cannot be
// read is an error if no lease has one that can.
func ParseISC(data []byte, now time.Time) (Offer, error) {
	var best, o Offer
	expired, found := false, false
	var bad error
	number := 0
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		number++
		line, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), ";")
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "lease"):
			o, expired = Offer{}, false
		case strings.HasPrefix(line, "}"):
			if !expired && o.Endpoint.IsValid() {
				best, found = o, true
			}
		case len(words) >= 2 && words[0] == "expire":
			expired = past(words[1:], now)
		case len(words) >= 3 && words[0] == "option":
			if value := strings.Join(words[2:], ""); !o.iscOption(words[1], value) {
				bad = fmt.Errorf("read lease: line %d: %s is %.20q", number, words[1], value)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return Offer{}, fmt.Errorf("read lease: %w", err)
	}
	if !found {
		return Offer{}, bad
	}
	return best, nil
}

// past reads "never", "<weekday> YYYY/MM/DD HH:MM:SS" in UTC, with or without a zone, and "epoch <seconds>".
func past(words []string, now time.Time) bool {
	switch {
	case words[0] == "never":
		return false
	case words[0] == "epoch" && len(words) > 1:
		seconds, err := strconv.ParseInt(words[1], 10, 64)
		return err != nil || now.After(time.Unix(seconds, 0))
	case len(words) >= 3:
		end, err := time.Parse("2006/01/02 15:04:05", words[1]+" "+words[2])
		return err != nil || now.After(end)
	}
	return true
}

// iscOption takes an option; false: it is an endpoint and cannot be read.
func (o *Offer) iscOption(name, value string) bool {
	switch name {
	case "unknown-245", "option-245", "private-245":
		raw, ok := octets(value)
		if !ok || len(raw) != 4 {
			return false
		}
		o.Endpoint = netip.AddrFrom4([4]byte(raw))
	case "routers":
		first, _, _ := strings.Cut(value, ",")
		o.Gateway, _ = netip.ParseAddr(first)
	case "unknown-249", "unknown-121", "ms-classless-static-routes", "rfc3442-classless-static-routes", "classless-static-routes":
		if raw, ok := octets(value); ok {
			if routes, err := parseRoutes(raw); err == nil {
				o.add(routes)
			}
		}
	}
	return true
}

// octets reads hex octets between colons, decimal ones between commas, or characters in quotes with octal escapes.
func octets(value string) ([]byte, bool) {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return quoted(value[1 : len(value)-1])
	}
	sep, base := ":", 16
	if strings.Contains(value, ",") {
		sep, base = ",", 10
	}
	var out []byte
	for part := range strings.SplitSeq(value, sep) {
		n, err := strconv.ParseUint(part, base, 8)
		if err != nil {
			return nil, false
		}
		out = append(out, byte(n))
	}
	return out, true
}

func quoted(s string) ([]byte, bool) {
	var out []byte
	for len(s) > 0 {
		if s[0] != '\\' {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		if len(s) >= 4 {
			if n, err := strconv.ParseUint(s[1:4], 8, 8); err == nil {
				out, s = append(out, byte(n)), s[4:]
				continue
			}
		}
		if len(s) < 2 {
			return nil, false
		}
		out, s = append(out, s[1]), s[2:]
	}
	return out, true
}
