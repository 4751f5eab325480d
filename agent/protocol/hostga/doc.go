// Package hostga holds the documents that HostGAPlugin and the agent exchange, and the VM status blob: data, tags and
// header names, no behaviour. Member names of vmSettings are matched in any case, as encoding/json does.
package hostga

// Port is where HostGAPlugin listens, on WireServer's address.
const Port = 32526

// APIVersion is x-ms-version of every call, and what GET /versions must offer.
const APIVersion = "2015-09-01"

// MinFastTrackVersion is the oldest plugin whose vmSettings count.
const MinFastTrackVersion = "1.0.8.133"

// Paths.
const (
	PathVersions   = "/versions"
	PathHealth     = "/health"
	PathVMSettings = "/vmSettings"
	PathArtifact   = "/extensionArtifact"
	PathStatus     = "/status"
	PathVMAgentLog = "/vmAgentLog"
)

// Header names.
const (
	HeaderVersion          = "x-ms-version"
	HeaderContainerID      = "x-ms-containerid"
	HeaderConfigName       = "x-ms-host-config-name"
	HeaderCorrelationID    = "x-ms-client-correlationid"
	HeaderIfNoneMatch      = "if-none-match" // the ETag as it came, unquoted digits
	HeaderArtifactLocation = "x-ms-artifact-location"
	HeaderVerifyArtifact   = "x-ms-verify-from-artifacts-blob" // "true" under a Fast Track goal state
	HeaderManifestLocation = "x-ms-artifact-manifest-location" // package downloads only
	HeaderDeploymentID     = "x-ms-vmagentlog-deploymentid"
	HeaderClientName       = "x-ms-client-name"
	HeaderClientVersion    = "x-ms-client-version"
)

// Headers of requests to blob storage, direct or as BlobHeader of a StatusUpload.
const (
	BlobHeaderType      = "x-ms-blob-type"
	BlobHeaderDate      = "x-ms-date"
	BlobHeaderVersion   = "x-ms-version"
	BlobHeaderLength    = "x-ms-blob-content-length"
	BlobHeaderRange     = "x-ms-range"
	BlobHeaderPageWrite = "x-ms-page-write"
	BlockBlob           = "BlockBlob"
	PageBlob            = "PageBlob"
)

// Error is the JSON body of a refusal.
type Error struct {
	Code    string `json:"errorCode"`
	Message string `json:"message"`
	Details string `json:"details"`
}

// Error codes.
const (
	InvalidContainerConfiguration = "InvalidContainerConfiguration"         // 400: stale container id
	RoleConfigNotFound            = "RequestRoleConfigFileNotFound"         // 410: stale host config name
	AccessDenied                  = "AccessDenied"                          // 403
	ProfileBlobNotFound           = "VMArtifactsProfileBlobContentNotFound" // 502
	InternalError                 = "InternalError"                         // 502
)

// StatusUpload is the body of PUT /status: a request that the host makes to blob storage on the VM's behalf.
type StatusUpload struct {
	Content    *string      `json:"content,omitempty"` // base64; absent when a page blob is created
	Headers    []BlobHeader `json:"headers"`
	RequestURI string       `json:"requestUri"`
}

// BlobHeader is one header of that request.
type BlobHeader struct {
	Name  string `json:"headerName"`
	Value string `json:"headerValue"`
}
