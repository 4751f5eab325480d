package telemetry

import "time"

// Bodies are the requests that would be sent for an event file, read as the agent's own, as a foreign one and as an
// extension's, and for an event with a message.
func Bodies(c *Common, file []byte, message string) [][]byte {
	var b batcher
	if r, err := parseRecord(file); err == nil {
		b.add(r, "")
		b.add(c.adopt(r, time.Unix(0, 0), 1), "")
	}
	if events, _, err := parseExtensionEvents(file); err == nil {
		for _, e := range events {
			b.add(c.extensionRecord("h", e, time.Unix(0, 0)), "")
		}
	}
	b.add(Record{EventID: 1, Provider: "p", Params: []Param{{"Message", message}}}, "")
	var all [][]byte
	for _, one := range b.full {
		all = append(all, body(one.provider, one.events.String()))
	}
	return all
}
