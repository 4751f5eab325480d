// Package fabricsim is the Azure fabric as a VM sees it: WireServer, HostGAPlugin, IMDS, blob storage and the control
// API that scripts steer it with. Everything is in one *Fabric value; two fabrics in one process never meet. It
// listens on nothing itself: a caller serves the handlers where the guest looks for them.
package fabricsim

// The addresses at which a guest finds the fabric. The first two are Azure's own; blobs have an address of their own
// so that storage alone can be cut off.
const (
	WireServerIP = "168.63.129.16"
	IMDSIP       = "169.254.169.254"
	BlobIP       = "168.63.129.20"
	BlobDomain   = "blob.fabricsim.test" // <account>.blob.fabricsim.test, answered by the fabric's DNS
	HostGAPort   = 32526
)
