package sas_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/sas"
)

func TestRedactHidesEverySignature(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"a key first", "put https://a.blob.test/c/b?sv=2020&sig=abc%3D failed", "put https://a.blob.test/c/b?<redacted> failed"},
		{"a key later", "https://a.blob.test/c/b?comp=page&sig=abc", "https://a.blob.test/c/b?<redacted>"},
		{"plain http", "http://a.test/b?se=1&sig=abc end", "http://a.test/b?<redacted> end"},
		{"escaped as in XML", "https://a.test/b?comp=x&amp;sig=abc<", "https://a.test/b?<redacted><"},
		{"upper case", "HTTPS://a.test/b?SIG=abc", "HTTPS://a.test/b?<redacted>"},
		{"two of them", "https://a.test/?sig=a https://b.test/?sig=b", "https://a.test/?<redacted> https://b.test/?<redacted>"},
		{"no signature", "http://168.63.129.16/machine/?comp=goalstate", "http://168.63.129.16/machine/?comp=goalstate"},
		{"a path only", "no such blob: /b?sv=1&sig=abc", "no such blob: /b?sv=1&sig=<redacted>"},
		{"no signature key", "what? design=1", "what? design=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, sas.Redact(c.in), c.want)
		})
	}
}

func TestURLKeepsTheFabricsRoutesAndNothingElse(t *testing.T) {
	t.Parallel()
	assert.Equal(t, sas.URL("http://168.63.129.16/machine/?comp=goalstate"), "http://168.63.129.16/machine/?comp=goalstate")
	assert.Equal(t, sas.URL("https://a.test/b?comp=page&sig=s"), "https://a.test/b?<redacted>")
	assert.Equal(t, sas.URL("https://a.test/b?token=s"), "https://a.test/b?<redacted>")
	assert.Equal(t, sas.URL("https://a.test/b"), "https://a.test/b")
}

func FuzzRedact(f *testing.F) {
	f.Add("see https://a.test/b?sv=1&sig=SECRET now")
	f.Add("https://a.test/b?x=1;sig=SECRET")
	f.Fuzz(func(t *testing.T, text string) {
		once := sas.Redact(text)
		assert.Equal(t, sas.Redact(once), once)
		assert.Assert(t, !strings.Contains(sas.Redact("https://h/p?sig=SECRET "+text), "SECRET ") || strings.Contains(text, "SECRET"))
	})
}
