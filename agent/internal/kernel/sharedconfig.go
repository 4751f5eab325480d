package kernel

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// ParseSharedConfig finds the RDMA device's address and MAC in the goal state's SharedConfig: they are attributes of
// its first Instance. A document without them is an error; most VMs have no such device.
func ParseSharedConfig(doc []byte) (address netip.Addr, mac string, err error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return netip.Addr{}, "", errors.New("SharedConfig names no RDMA device")
		}
		if err != nil {
			return netip.Addr{}, "", fmt.Errorf("SharedConfig: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "Instance" {
			continue
		}
		var text string
		for _, a := range start.Attr {
			switch a.Name.Local {
			case "rdmaIPv4Address":
				text = a.Value
			case "rdmaMacAddress":
				mac = a.Value
			}
		}
		if text == "" || mac == "" {
			return netip.Addr{}, "", errors.New("SharedConfig names no RDMA device")
		}
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Addr{}, "", fmt.Errorf("SharedConfig: %w", err)
		}
		return address, colons(plainMAC(mac)), nil
	}
}
