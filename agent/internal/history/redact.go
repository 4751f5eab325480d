package history

import (
	"regexp"
	"slices"

	"github.com/waagent-go/waagent/agent/protocol/redact"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// secrets are the values that no document of the history shows, each a pattern's group. The patterns see a document
// without its escapes.
var secrets = map[string][]*regexp.Regexp{
	"": {regexp.MustCompile(`(?i)"protectedSettings"\s*:\s*"([^"]*)`)}, // in every document
	"ExtensionsConfig.xml": {
		regexp.MustCompile(`<(?:StatusUploadBlob|InVMArtifactsProfileBlob)\b[^>]*>(?:<!\[CDATA\[)?[^<?]*\?([^<\]]*)`),
	},
	"RemoteAccess.xml": {regexp.MustCompile(`<Password\b[^>]*>([^<]*)`)},
	"VmSettings.json":  {regexp.MustCompile(`(?i)"statusUploadBlob"\s*:\s*\{[^{}]*"value"\s*:\s*"[^"?]*\?([^"]*)`)},
}

// withoutSecrets is a document to be kept. The rest stays byte for byte what the fabric sent.
func withoutSecrets(name string, document []byte) []byte {
	text := string(document)
	for _, pattern := range slices.Concat(secrets[name], secrets[""]) {
		text = redact.Group(text, pattern, secret.Redacted)
	}
	return []byte(redact.SAS(text))
}
