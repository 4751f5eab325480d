package history

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/sas"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

var (
	blobElement = regexp.MustCompile(`(?s)(<(StatusUploadBlob|InVMArtifactsProfileBlob)\b[^>]*>)(.*?)(</)`)
	// protected finds the value of protectedSettings in JSON, and in JSON that stands in XML, escaped or not.
	protected = regexp.MustCompile(`(?i)((?:"|&quot;|&#34;|\\")protectedSettings(?:"|&quot;|&#34;|\\")\s*:\s*(?:"|&quot;|&#34;|\\"))([^"&\\]*(?:\\/[^"&\\]*)*)`)
	password  = regexp.MustCompile(`(?s)(<Password\b[^>]*>)(.*?)(</)`)
)

// redact takes secrets out of a document. The rest stays byte for byte what the fabric sent.
func redact(name string, document []byte) []byte {
	text := string(document)
	switch {
	case name == "ExtensionsConfig.xml":
		text = blobElement.ReplaceAllStringFunc(text, func(element string) string {
			m := blobElement.FindStringSubmatch(element)
			return m[1] + withoutQuery(m[3]) + m[4]
		})
	case name == "RemoteAccess.xml":
		text = password.ReplaceAllString(text, "${1}"+secret.Redacted+"${3}")
	case name == "VmSettings.json":
		text = withoutStatusBlob(text)
	}
	text = protected.ReplaceAllString(text, "${1}"+secret.Redacted)
	return []byte(sas.Redact(text))
}

// withoutQuery keeps a URL up to its query, and all of one that has none.
func withoutQuery(uri string) string {
	head, _, found := strings.Cut(uri, "?")
	if !found {
		return uri
	}
	return head + "?" + secret.Redacted
}

// withoutStatusBlob takes the query off the status blob's URL, wherever the document spells it.
func withoutStatusBlob(text string) string {
	var doc struct {
		Blob struct {
			Value string `json:"value"`
		} `json:"statusUploadBlob"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || doc.Blob.Value == "" {
		return text
	}
	var quoted bytes.Buffer
	enc := json.NewEncoder(&quoted)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc.Blob.Value); err != nil {
		return text
	}
	spelled := strings.Trim(strings.TrimSpace(quoted.String()), `"`)
	return strings.ReplaceAll(text, spelled, withoutQuery(spelled))
}
