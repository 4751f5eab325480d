package certs

import "errors"

// The fabric's tools write BER: lengths that are only known at the end, octet strings in pieces. toDER rewrites such a
// document so that one strict decoder reads everything.

var errEncoding = errors.New("malformed ASN.1")

const (
	maxDepth    = 32
	constructed = 0x20
	octetString = 0x04
)

// toDER rewrites the first element of in.
func toDER(in []byte) ([]byte, error) {
	out, _, err := element(in, 0)
	return out, err
}

// element rewrites one element and returns what follows it.
func element(in []byte, depth int) (out, rest []byte, err error) {
	if depth > maxDepth {
		return nil, nil, errEncoding
	}
	tag, in, err := readTag(in)
	if err != nil {
		return nil, nil, err
	}
	length, indefinite, in, err := readLength(in)
	if err != nil || indefinite && tag[0]&constructed == 0 {
		return nil, nil, errEncoding
	}
	if tag[0]&constructed == 0 {
		return header(tag, in[:length]), in[length:], nil
	}
	var body []byte
	if indefinite {
		body, rest, err = untilEnd(in, tag[0] == octetString|constructed, depth)
	} else {
		rest = in[length:]
		body, err = all(in[:length], tag[0] == octetString|constructed, depth)
	}
	if err != nil {
		return nil, nil, err
	}
	if tag[0] == octetString|constructed {
		tag = []byte{octetString}
	}
	return header(tag, body), rest, nil
}

// all rewrites every element of in; pieces of an octet string lose their headers.
func all(in []byte, pieces bool, depth int) (body []byte, err error) {
	for len(in) > 0 {
		var one []byte
		if one, in, err = element(in, depth+1); err != nil {
			return nil, err
		}
		if body, err = join(body, one, pieces); err != nil {
			return nil, err
		}
	}
	return body, nil
}

func untilEnd(in []byte, pieces bool, depth int) (body, rest []byte, err error) {
	for {
		if len(in) >= 2 && in[0] == 0 && in[1] == 0 {
			return body, in[2:], nil
		}
		var one []byte
		if one, in, err = element(in, depth+1); err != nil {
			return nil, nil, err
		}
		if body, err = join(body, one, pieces); err != nil {
			return nil, nil, err
		}
	}
}

func join(body, one []byte, pieces bool) ([]byte, error) {
	if !pieces {
		return append(body, one...), nil
	}
	if one[0] != octetString {
		return nil, errEncoding
	}
	length, _, content, err := readLength(one[1:])
	if err != nil {
		return nil, err
	}
	return append(body, content[:length]...), nil
}

func readTag(in []byte) (tag, rest []byte, err error) {
	if len(in) == 0 {
		return nil, nil, errEncoding
	}
	n := 1
	if in[0]&0x1f == 0x1f {
		for n < len(in) && in[n]&0x80 != 0 {
			n++
		}
		n++
	}
	if n > len(in) || n > 5 {
		return nil, nil, errEncoding
	}
	return in[:n], in[n:], nil
}

func readLength(in []byte) (length int, indefinite bool, rest []byte, err error) {
	if len(in) == 0 {
		return 0, false, nil, errEncoding
	}
	first, in := in[0], in[1:]
	switch {
	case first == 0x80:
		return 0, true, in, nil
	case first < 0x80:
		length = int(first)
	default:
		n := int(first & 0x7f)
		if n > 4 || n > len(in) {
			return 0, false, nil, errEncoding
		}
		for _, b := range in[:n] {
			length = length<<8 | int(b)
		}
		in = in[n:]
	}
	if length > len(in) {
		return 0, false, nil, errEncoding
	}
	return length, false, in, nil
}

// header puts tag and the shortest length in front of body.
func header(tag, body []byte) []byte {
	out := append([]byte(nil), tag...)
	n := len(body)
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 1<<8:
		out = append(out, 0x81, byte(n))
	case n < 1<<16:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}
