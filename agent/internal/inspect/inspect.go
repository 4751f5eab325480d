// Package inspect says what the agent understands from a captured document, without a fabric and without changing
// anything: the engine of `waagent -inspect`. Secrets never reach its output.
package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/protocol/redact"
)

const usage = `Usage: waagent -inspect [-transport-key FILE] FILE...

Prints what the agent understands from each document as one line of JSON. FILE may be - for
standard input. -transport-key names the PEM private key that opens certificates and passwords.

Exit codes: 0 all were understood, 1 at least one was not, 2 wrong usage.
`

// Run handles the arguments after -inspect and returns the exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	names, transport, err := parse(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "waagent -inspect: %v\n%s", err, usage)
		return 2
	}
	code := 0
	for _, name := range names {
		data, err := read(name, stdin)
		var line []byte
		if err == nil {
			line, err = Describe(name, data, transport)
		}
		if err != nil {
			fmt.Fprintf(stderr, "%s: %s\n", name, redact.SAS(err.Error()))
			code = 1
			continue
		}
		fmt.Fprintf(stdout, "%s\n", line)
	}
	return code
}

var errHelp = errors.New("help")

func parse(args []string) (names []string, transport certs.Transport, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch arg {
		case "-h", "-help", "--help":
			return nil, transport, errHelp
		case "-transport-key", "--transport-key":
			if len(args) == 0 {
				return nil, transport, errors.New("-transport-key needs a file")
			}
			data, err := os.ReadFile(args[0])
			if err != nil {
				return nil, transport, err
			}
			key, err := certs.ParseTransportKey(data)
			if err != nil {
				return nil, transport, fmt.Errorf("%s: %w", args[0], err)
			}
			transport, args = certs.WithKey(key), args[1:]
		default:
			if len(arg) > 1 && arg[0] == '-' {
				return nil, transport, fmt.Errorf("unknown flag %s", arg)
			}
			names = append(names, arg)
		}
	}
	if len(names) == 0 {
		return nil, transport, errors.New("no file is named")
	}
	return names, transport, nil
}

// maxDocument bounds what is read; no document of the fabric comes near it.
const maxDocument = 64 << 20

func read(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = errors.New("the file is too large for a document of the fabric")
	}
	return data, err
}

// Describe is what the agent understands from data, as one JSON object.
func Describe(name string, data []byte, transport certs.Transport) ([]byte, error) {
	kind, decode, err := detect(data)
	if err != nil {
		return nil, locate(data, err)
	}
	what, err := decode(data, transport)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, locate(data, err))
	}
	head, err := marshal(struct {
		File string `json:"file"`
		Kind string `json:"kind"`
	}{name, kind})
	if err != nil {
		return nil, err
	}
	body, err := marshal(what)
	if err != nil {
		return nil, err
	}
	if string(body) == "{}" {
		return head, nil
	}
	return append(append(head[:len(head)-1], ','), body[1:]...), nil
}

func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// locate says where in data a JSON document is wrong, in the document's terms; XML errors say so themselves.
func locate(data []byte, err error) error {
	offset := int64(0)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset, err = kind.Offset, fmt.Errorf("a %s where %s should be, in %s", kind.Value, kind.Type, kind.Field)
	default:
		return err
	}
	before := data[:min(int(offset), len(data))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("line %d, column %d: %w", line, max(column, 1), err)
}
