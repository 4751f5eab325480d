package extension

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	outputRead  = 3200 // bytes of each stream that count
	outputTotal = 3200 // characters of both below which nothing is cut
	outputEach  = 1590 // characters of each stream otherwise
)

// readOutput is the beginning of a file of output. The command's children may still write to it, so the file itself
// says nothing about its end.
func readOutput(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, outputRead))
	return printable(data), err
}

// printable is data as text; bytes that are no UTF-8 are spelled out.
func printable(data []byte) string {
	var b strings.Builder
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, data[0])
		} else {
			b.Write(data[:n])
		}
		data = data[n:]
	}
	return b.String()
}

// formatOutput lays two streams out for a message. When they are too long each keeps its end, and one that is short
// leaves the other what it does not need.
func formatOutput(stdout, stderr string) string {
	out, err := []rune(stdout), []rune(stderr)
	if len(out)+len(err) >= outputTotal {
		out, err = tail(out, outputEach+max(0, outputEach-len(err))), tail(err, outputEach+max(0, outputEach-len(out)))
	}
	return "[stdout]\n" + string(out) + "\n\n[stderr]\n" + string(err)
}

func tail(r []rune, n int) []rune { return r[max(0, len(r)-n):] }
