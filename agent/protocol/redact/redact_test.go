package redact_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/protocol/redact"
)

func TestSASHidesEverySignature(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"a key first", "put https://a.blob.test/c/b?sv=2020&sig=abc%3D failed", "put https://a.blob.test/c/b?<redacted> failed"},
		{"a key later", "https://a.blob.test/c/b?comp=page&sig=abc", "https://a.blob.test/c/b?<redacted>"},
		{"plain http", "http://a.test/b?se=1&sig=abc end", "http://a.test/b?<redacted> end"},
		{"escaped as in XML", "https://a.test/b?comp=x&amp;sig=abc<", "https://a.test/b?<redacted><"},
		{"upper case", "HTTPS://a.test/b?SIG=abc", "HTTPS://a.test/b?<redacted>"},
		{"keys all around", "http://h/b?sp=r&SIG=x&comp=page", "http://h/b?<redacted>"},
		{"two of them", "https://a.test/?sig=a https://b.test/?sig=b", "https://a.test/?<redacted> https://b.test/?<redacted>"},
		{"no signature", "http://168.63.129.16/machine/?comp=goalstate", "http://168.63.129.16/machine/?comp=goalstate"},
		{"a path only", "no such blob: /b?sv=1&sig=abc", "no such blob: /b?sv=1&sig=<redacted>"},
		{"no signature key", "what? design=1", "what? design=1"},
		{"an account's signature", "https://a.test/b?ss=b&srt=o&x=1", "https://a.test/b?<redacted>"},
		{"a delegation key", "https://a.test/b?skv=1", "https://a.test/b?<redacted>"},

		{"JSON", `{"uri":"https:\/\/a.test\/b?sv=1\u0026sig=a\u002Bb\u003D","n":1}`, `{"uri":"https:\/\/a.test\/b?<redacted>","n":1}`},
		{"JSON, every sign", `"https:\/\/a.test\/b\u003Fx=1\u0026\u0073ig\u003Dabc"`, `"https:\/\/a.test\/b\u003F<redacted>"`},
		{"JSON in JSON", `{"a":"{\"u\":\"https:\\/\\/a.test\\/b?sv=1\\u0026sig=abc\",\"n\":1}"}`, `{"a":"{\"u\":\"https:\\/\\/a.test\\/b?<redacted>\",\"n\":1}"}`},
		{"JSON in XML", `<S>{&quot;u&quot;:&quot;https://a.test/b?sv=1\u0026sig=abc&quot;}</S>`, `<S>{&quot;u&quot;:&quot;https://a.test/b?<redacted>&quot;}</S>`},
		{"a JSON line ends", `"https://a.test/b?sig=abc\nnext sv=1"`, `"https://a.test/b?<redacted>\nnext sv=1"`},
		{"XML by number", `<U>https&#58;//a.test/b&#x3f;sv=1&#38;sig&#x3D;abc</U>`, `<U>https&#58;//a.test/b&#x3f;<redacted></U>`},
		{"XML in XML", `&lt;U&gt;https://a.test/b?sv=1&amp;amp;sig=abc&lt;/U&gt;`, `&lt;U&gt;https://a.test/b?<redacted>&lt;/U&gt;`},
		{"percent", `GET /?url=https%3A%2F%2Fa.test%2Fb%3Fsv%3D1%26sig%3Dabc%252Bd end`, `GET /?url=https%3A%2F%2Fa.test%2Fb%3F<redacted> end`},
		{"percent twice", `/u/https%253A%252F%252Fa.test%252Fb%253Fsig%253Dabc end`, `/u/https%253A%252F%252Fa.test%252Fb%253F<redacted> end`},
		{"percent, path only", `/b%3Fsv%3D1%26sig%3Dabc%252Bd%26se%3D2`, `/b%3Fsv%3D1%26sig%3D<redacted>%26se%3D2`},
		{"an escaped blank is in the query", "https://a.test/b?x=%20%22&sig=abc end", "https://a.test/b?<redacted> end"},
		{"other escapes stay", `C:\temp\u00e9 100% &nbsp; &#233; "\u0041"`, `C:\temp\u00e9 100% &nbsp; &#233; "\u0041"`},
		{"cut escapes", `https://a.test/b?sig=abc%2`, `https://a.test/b?<redacted>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, redact.SAS(c.in), c.want)
		})
	}
}

func TestURLKeepsTheFabricsRoutesAndNothingElse(t *testing.T) {
	t.Parallel()
	assert.Equal(t, redact.URL("http://168.63.129.16/machine/?comp=goalstate"), "http://168.63.129.16/machine/?comp=goalstate")
	assert.Equal(t, redact.URL("https://a.test/b?comp=page&sig=s"), "https://a.test/b?<redacted>")
	assert.Equal(t, redact.URL("https://a.test/b?comp=page&%73ig=s"), "https://a.test/b?<redacted>")
	assert.Equal(t, redact.URL("https://a.test/b?token=s"), "https://a.test/b?<redacted>")
	assert.Equal(t, redact.URL("https://a.test/b"), "https://a.test/b")
}

func TestGroupHidesAValueInEverySpelling(t *testing.T) {
	t.Parallel()
	value := regexp.MustCompile(`"key"\s*:\s*"([^"]*)`)
	for in, want := range map[string]string{
		`{"key": "a\u002Bb\/c=="}`:                      `{"key": "*"}`,
		`{&quot;key&quot;:&quot;a&#43;b&quot;}`:         `{&quot;key&quot;:&quot;*&quot;}`,
		`{"s":"{\"key\":\"a\\u002Bb\"}","t":"k\u00e9"}`: `{"s":"{\"key\":\"*\"}","t":"k\u00e9"}`,
		`{"key":""}`: `{"key":""}`,
	} {
		assert.Equal(t, redact.Group(in, value, "*"), want)
	}
}

// A text of escaped escapes takes no more time than one of that length.
func TestEscapedEscapesEnd(t *testing.T) {
	t.Parallel()
	for _, layer := range []string{"25", "amp;", "u005c", "\\"} {
		text := "%&\\" + strings.Repeat(layer, 1<<18)
		assert.Equal(t, redact.SAS(text), text)
	}
}

// spellings are how documents write a text that is part of another.
var spellings = []func(string) string{
	func(s string) string { return s },
	url.QueryEscape,
	html.EscapeString,
	func(s string) string { return strings.NewReplacer("/", `\/`, "&", `\u0026`, "+", `\u002B`).Replace(s) },
	func(s string) string { // as Go and .NET write it, without its quotes
		text, _ := json.Marshal(s)
		return strings.Trim(string(text), `"`)
	},
	func(s string) string { return each(s, "%%%02x") },
	func(s string) string { return each(s, `\u%04X`) },
	func(s string) string { return each(s, "&#%d;") },
}

func each(s, format string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

// FuzzSAS spells a signed URL in three ways, one in the other, and looks for its signature in whatever comes out.
func FuzzSAS(f *testing.F) {
	for i := range spellings {
		f.Add("see ", " now", "c2VjcmV0LXNpZ25hdHVyZQ+/", uint8(i), uint8(i+1), uint8(0))
		f.Add(`{"a":"`, `"}`, "c2VjcmV0/LXNpZ25hdHVyZQ", uint8(1), uint8(i), uint8(i))
	}
	f.Add("https://a.test/b?x=1;sig=", "", "AAAAAAAAAAAAAAAA", uint8(0), uint8(0), uint8(0))
	sign := regexp.MustCompile(`^[A-Za-z0-9+/]{16,64}$`)
	f.Fuzz(func(t *testing.T, before, after, signature string, a, b, c uint8) {
		once := redact.SAS(before + after)
		assert.Equal(t, redact.SAS(once), once, "redacting again changes the text")
		if !sign.MatchString(signature) {
			t.Skip()
		}
		query := "https://a.test/b?sv=1&sig=" + url.QueryEscape(signature+"=") + "&se=2"
		steps := []uint8{a, b, c}
		for _, n := range steps {
			query = spellings[int(n)%len(spellings)](query)
		}
		got := redact.SAS(before + " " + query + " " + after)
		for _, part := range []string{before, after} {
			if strings.Contains(allDecoded(part), signature) {
				t.Skip()
			}
		}
		assert.Assert(t, !strings.Contains(allDecoded(got), signature), "%q", got)
	})
}

// allDecoded takes off escapes with the standard library's decoders, in all orders that matter here.
func allDecoded(s string) string {
	var all strings.Builder
	for range 6 {
		all.WriteString(s + "\n")
		if p, err := url.QueryUnescape(s); err == nil {
			all.WriteString(p + "\n")
		}
		s = percents.ReplaceAllStringFunc(s, func(e string) string { p, _ := url.PathUnescape(e); return p })
		s = jsonEscapes.ReplaceAllStringFunc(s, func(e string) string {
			var one string
			_ = json.Unmarshal([]byte(`"`+e+`"`), &one)
			return one
		})
		s = html.UnescapeString(s)
	}
	return all.String()
}

var (
	percents    = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	jsonEscapes = regexp.MustCompile(`\\(?:u00[0-7][0-9A-Fa-f]|[\\/"])`)
)
