package fabric

import (
	"crypto/x509"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// bundles are where distributions keep the certificate authorities that they trust, in one file.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// Roots are the authorities trusted by the machine at files: nil, which stands for the running system's, for the
// machine that runs this code, and those of its bundle for a machine in a folder.
func Roots(files host.Files) *x509.CertPool {
	if files.Root == "/" || files.Root == "" {
		return nil
	}
	pool := x509.NewCertPool()
	for _, name := range bundles {
		if data, err := files.ReadFile(name); err == nil && pool.AppendCertsFromPEM(data) {
			break
		}
	}
	return pool
}
