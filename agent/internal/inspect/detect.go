package inspect

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/waagent-go/waagent/agent/internal/certs"
)

// decoder turns a document into what is printed of it.
type decoder func(data []byte, transport certs.Transport) (any, error)

// plain is a decoder that needs no key.
func plain[T any](f func(data []byte) (T, error)) decoder {
	return func(data []byte, _ certs.Transport) (any, error) { return f(data) }
}

type kind struct {
	name   string
	decode decoder
}

// roots are the XML documents by their root element.
var roots = map[string]kind{
	"Versions":                 {"versions", plain(versions)},
	"GoalState":                {"goalState", plain(goalState)},
	"Extensions":               {"extensionsConfig", plain(extensionsConfig)},
	"HostingEnvironmentConfig": {"hostingEnvironment", plain(hostingEnvironment)},
	"SharedConfig":             {"sharedConfig", plain(sharedConfig)},
	"PluginVersionManifest":    {"manifest", plain(manifest)},
	"CertificateFile":          {"certificates", certificates},
	"RemoteAccess":             {"remoteAccess", remoteAccess},
	"Environment":              {"ovfEnvironment", plain(ovfEnvironment)},
}

// members are the JSON documents by a member, in lower case, of the object or of the first element of the list that
// they are; the first match counts.
var members = []struct {
	member string
	kind
}{
	{"extensiongoalstates", kind{"vmSettings", plain(vmSettings)}},
	{"hostgapluginversion", kind{"vmSettings", plain(vmSettings)}},
	{"runtimesettings", kind{"settings", plain(settings)}},
	{"policyversion", kind{"policy", plain(policyDocument)}},
	{"extensionpolicies", kind{"policy", plain(policyDocument)}},
	{"handlermanifest", kind{"handlerManifest", plain(handlerManifest)}},
	{"handlerenvironment", kind{"handlerEnvironment", plain(handlerEnvironment)}},
	{"heartbeat", kind{"heartbeat", plain(heartbeat)}},
	{"aggregatestatus", kind{"status", plain(vmStatus)}},
	{"status", kind{"status", plain(extensionStatus)}},
	{"onhold", kind{"artifactsProfile", plain(artifactsProfile)}},
	{"profileid", kind{"artifactsProfile", plain(artifactsProfile)}},
	{"invmartifactsprofileblobseqno", kind{"artifactsProfile", plain(artifactsProfile)}},
}

// detect tells by its content what a document is. A damaged document is still told by its beginning, so that the error
// can say what is wrong with it.
func detect(data []byte) (string, decoder, error) {
	if isDHCP(data) {
		return "dhcpReply", plain(dhcpReply), nil
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(text) == 0:
		return "", nil, errors.New("the file is empty")
	case !utf8.Valid(text):
		return "", nil, errors.New("this is neither a DHCP reply nor text in UTF-8")
	}
	var k kind
	var err error
	switch text[0] {
	case '<':
		k, err = byRoot(text)
	case '{', '[':
		k, err = byMember(data, text)
	default:
		k, err = byLines(string(text))
	}
	return k.name, k.decode, err
}

// byRoot looks at the root element.
func byRoot(text []byte) (kind, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("the agent reads UTF-8 only") }
	for {
		token, err := d.RawToken()
		if err != nil {
			return kind{}, err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if k, known := roots[start.Name.Local]; known {
			return k, nil
		}
		line, column := d.InputPos()
		return kind{}, fmt.Errorf("line %d, column %d: the agent knows no document with the root element %s", line, column, start.Name.Local)
	}
}

// byMember looks at the members of the first object, as far as they can be read.
func byMember(data, text []byte) (kind, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	have := map[string]bool{}
	token, _ := d.Token()
	if token == json.Delim('[') {
		token, _ = d.Token()
	}
	for token == json.Delim('{') && d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			break
		}
		have[strings.ToLower(name)] = true
		var value json.RawMessage
		if d.Decode(&value) != nil {
			break
		}
	}
	for _, m := range members {
		if have[m.member] {
			return m.kind, nil
		}
	}
	var whole json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &whole); err != nil {
		return kind{}, err
	}
	names := slices.Sorted(maps.Keys(have))
	return kind{}, fmt.Errorf("line 1, column 1: the agent knows no JSON document with these members: %.200s", strings.Join(names, ", "))
}

// byLines tells leases and the agent's configuration by their first telling line.
func byLines(text string) (kind, error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		key, _, assigned := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
			continue
		case strings.HasPrefix(line, "lease ") || strings.HasPrefix(line, "default-duid"):
			return kind{"lease", plain(iscLease)}, nil
		case assigned && key != "" && key == strings.ToUpper(key):
			return kind{"lease", plain(networkdLease)}, nil
		case assigned && !strings.ContainsAny(strings.TrimSpace(key), " \t<{"):
			return kind{"configuration", plain(configuration)}, nil
		default:
			return kind{}, fmt.Errorf("line %d, column 1: neither XML nor JSON, nor a lease, nor a line of waagent.conf", number)
		}
	}
	return kind{"configuration", plain(configuration)}, nil // one of comments only
}
