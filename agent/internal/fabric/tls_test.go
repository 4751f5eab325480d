package fabric_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/host"
)

// storage is an https server with a certificate for name that ends at end; dial counts connections.
func storage(t *testing.T, name string, end time.Time) (dial fabric.Dial, cert *x509.Certificate, count *atomic.Int32) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: end.Add(-48 * time.Hour), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	cert, err = x509.ParseCertificate(der)
	assert.NilError(t, err)
	count = new(atomic.Int32)
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return func(context.Context, string, string) (net.Conn, error) {
		count.Add(1)
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			conn := tls.Server(server, config)
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}()
		return client, nil
	}, cert, count
}

func TestStorageMustProveItsName(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		certName string
		end      time.Time
		trusted  bool
		want     string
	}{
		"as it should be": {"a.blob.test", later, true, ""},
		"expired":         {"a.blob.test", time.Now().Add(-time.Hour), true, "expired"},
		"wrong name":      {"b.blob.test", later, true, "b.blob.test"},
		"unknown CA":      {"a.blob.test", later, false, "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dial, cert, count := storage(t, c.certName, c.end)
			bundle := []byte("nothing")
			if c.trusted {
				bundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
			}
			root := fs.NewDir(t, "root", fs.WithDir("etc", fs.WithDir("ssl", fs.WithDir("certs", fs.WithFile("ca-certificates.crt", string(bundle))))))
			h := &fabric.HTTP{Dial: dial, Roots: fabric.Roots(host.Files{Root: root.Path()})}
			r, err := h.Do(t.Context(), fabric.Request{Method: "GET", URL: "https://a.blob.test/x"}, fabric.Retry{})
			assert.Equal(t, count.Load(), int32(1)) // a certificate stays wrong
			if c.want == "" {
				assert.NilError(t, err)
				assert.Equal(t, string(r.Body), "ok")
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}
