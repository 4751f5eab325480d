// Package ovfenv is ovf-env.xml, the document on the provisioning DVD: what the fabric wants a new VM to be. Both
// sides speak it. Decode reads what any writer of it produces (the fabric, ovfgen, cloud-init's re-serialised copy);
// Marshal writes the one layout that every known reader accepts; Redact takes the secrets out of a document and
// leaves the rest byte for byte. The package never touches a file or a device.
package ovfenv

import "github.com/waagent-go/waagent/agent/protocol/secret"

// FileName is the document's name in the root of the media, lower case.
const FileName = "ovf-env.xml"

// The namespaces of the document's two vocabularies.
const (
	NamespaceOVF   = "http://schemas.dmtf.org/ovf/environment/1"
	NamespaceAzure = "http://schemas.microsoft.com/windowsazure"
	namespaceXSI   = "http://www.w3.org/2001/XMLSchema-instance"
)

// Environment is the document.
type Environment struct {
	Version  string // of the provisioning section; "1.0"
	Linux    LinuxProvisioning
	Platform PlatformSettings
}

// LinuxProvisioning is the LinuxProvisioningConfigurationSet: the machine the customer asked for.
type LinuxProvisioning struct {
	HostName      string
	UserName      string // "" where the writer left it out, which cloud-init allows
	UserPassword  secret.Text
	AdminPassword secret.Text // read by afterburn alone

	// DisableSSHPasswordAuthentication is false when the element is absent.
	DisableSSHPasswordAuthentication bool

	PublicKeys []PublicKey
	KeyPairs   []KeyPair

	// CustomData is the base64 text as it stands in the document, white space removed.
	CustomData secret.Text

	Extra []Element // other leaf elements of the set
}

// PublicKey is a key for Path, given by Value or, when that is empty, by the certificate with Fingerprint.
type PublicKey struct {
	Fingerprint string
	Path        string
	Value       string
}

// KeyPair is a certificate with its private key, to be stored at Path.
type KeyPair struct {
	Fingerprint string
	Path        string
}

// PlatformSettings is what the platform itself tells the VM.
type PlatformSettings struct {
	Version           string
	KMSServerHostname string

	// ProvisionGuestAgent is false only where the document says "false", in any case: any other word enables.
	ProvisionGuestAgent   bool
	GuestAgentPackageName string

	// The two Retain fields mean something to Windows alone; Azure sends them to Linux too.
	RetainWindowsPEPassInUnattend        bool
	RetainOfflineServicingPassInUnattend bool

	// PreprovisionedVM marks a VM of a pool that waits for its customer; PreprovisionedVMType is the pool's kind
	// (Running, Savable, PreprovisionedOSDisk).
	PreprovisionedVM         bool
	PreprovisionedVMType     string
	ProvisionGuestProxyAgent bool

	Extra []Element // other leaf elements
}

// Element is a leaf element this package has no field for.
type Element struct{ Name, Value string }
