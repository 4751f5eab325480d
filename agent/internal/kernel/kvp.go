package kernel

import (
	"bytes"
	"fmt"
)

// kvpPool is where the key-value daemon keeps what the host tells the guest.
const kvpPool = "/var/lib/hyperv/.kvp_pool_0"

const (
	kvpKeySize   = 512
	kvpValueSize = 2048
)

// ParseKVP reads a pool of key-value pairs: fixed-size records, text ended by a zero byte. A last record that is cut
// off is an error.
func ParseKVP(data []byte) (map[string]string, error) {
	const size = kvpKeySize + kvpValueSize
	if len(data)%size != 0 {
		return nil, fmt.Errorf("key-value pool: %d bytes are no whole number of records", len(data))
	}
	pairs := map[string]string{}
	for ; len(data) > 0; data = data[size:] {
		key := untilZero(data[:kvpKeySize])
		if key != "" {
			pairs[key] = untilZero(data[kvpKeySize:size])
		}
	}
	return pairs, nil
}

func untilZero(field []byte) string {
	field, _, _ = bytes.Cut(field, []byte{0})
	return string(field)
}
