package fabric

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Classes of answers that callers react to; StatusError matches them with errors.Is.
var (
	// ErrResourceGone is a 410: what the agent knows of its container or role configuration is stale.
	ErrResourceGone = errors.New("resource gone")
	// ErrInvalidContainer is a 400 that names InvalidContainerConfiguration: the container id is stale.
	ErrInvalidContainer = errors.New("invalid container configuration")
	// ErrNotFound is a 404.
	ErrNotFound = errors.New("not found")
)

// StatusError is an answer that is not the one hoped for.
type StatusError struct {
	Method, URL string // without a storage signature
	Code        int
	Body        string // its beginning, ASCII only
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s %s: HTTP %d %s", e.Method, e.URL, e.Code, http.StatusText(e.Code))
	s = strings.TrimRight(s, " ")
	if e.Body != "" {
		s += ": " + e.Body
	}
	return s
}

// Is makes the classes above match.
func (e *StatusError) Is(target error) bool {
	switch target {
	case ErrResourceGone:
		return e.Code == http.StatusGone
	case ErrNotFound:
		return e.Code == http.StatusNotFound
	case ErrInvalidContainer:
		return e.Code == http.StatusBadRequest && strings.Contains(e.Body, "InvalidContainerConfiguration")
	}
	return false
}

// Stale reports whether err says that the agent's container id or configuration name is out of date, so that asking
// for the goal state again and trying once more may help.
func Stale(err error) bool {
	return errors.Is(err, ErrResourceGone) || errors.Is(err, ErrInvalidContainer)
}

// Code is the HTTP status in err, or 0 when no answer came.
func Code(err error) int {
	var status *StatusError
	if errors.As(err, &status) {
		return status.Code
	}
	return 0
}

// Answered reports whether err is about an answer that came, rather than a connection that failed.
func Answered(err error) bool {
	var n net.Error
	var op *net.OpError
	return !errors.As(err, &n) && !errors.As(err, &op) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, context.DeadlineExceeded)
}

// excerptSize bounds what of an error's body is kept.
const excerptSize = 1024

// excerpt is the beginning of body in printable ASCII.
func excerpt(body []byte) string {
	if len(body) > excerptSize {
		body = body[:excerptSize]
	}
	return strings.TrimSpace(string(bytes.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < ' ' || r > '~':
			return -1
		}
		return r
	}, body)))
}

// TimedOut reports whether err is a socket that said nothing for too long.
func TimedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// hopeless reports whether trying the same request again cannot help: a certificate stays wrong.
func hopeless(err error) bool {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
		bad     *badRequestError
	)
	return errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &verify) ||
		errors.As(err, &bad) || errors.Is(err, context.Canceled) || errors.Is(err, errTooLarge)
}

// badRequestError is a request that cannot even be built, such as one to a malformed URL.
type badRequestError struct{ err error }

func (e *badRequestError) Error() string { return e.err.Error() }
func (e *badRequestError) Unwrap() error { return e.err }

// errTooLarge is a body beyond its limit.
var errTooLarge = errors.New("the answer is too large")
