package blobs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"time"
)

// SASVersion is sv of the signatures made here.
const SASVersion = "2018-03-28"

// Forever is the expiry of the status blob's signature on Azure.
func Forever() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// SignedURL is the URL of a blob with a shared access signature: permissions of r, a, c, w, d.
func (s *Store) SignedURL(account, path, permissions string, expires time.Time) string {
	q := url.Values{}
	q.Set("sv", SASVersion)
	q.Set("sr", "b")
	q.Set("sk", "system-1")
	q.Set("se", expires.UTC().Format(time.RFC3339))
	q.Set("sp", permissions)
	// The order is that of real URLs; what redacts them looks for a known key right behind the question mark.
	return s.URL(account, path) + "?sv=" + q.Get("sv") + "&sr=b&sk=system-1&sig=" + url.QueryEscape(s.sign(account, path, q)) +
		"&se=" + url.QueryEscape(q.Get("se")) + "&sp=" + q.Get("sp")
}

func (s *Store) sign(account, path string, q url.Values) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(strings.Join([]string{
		q.Get("sp"), q.Get("st"), q.Get("se"), "/blob/" + account + "/" + path, q.Get("sk"), q.Get("sip"), q.Get("spr"), q.Get("sv"), q.Get("sr"),
	}, "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// authorize says what is wrong with the signature of a request that needs one of the permissions, nil if nothing is.
func (s *Store) authorize(account, path string, q url.Values, anyOf string) *failure {
	switch {
	case q.Get("sig") == "":
		return fail(404, "ResourceNotFound", "The specified resource does not exist.")
	case q.Get("sv") == "" || q.Get("sr") != "b":
		return fail(403, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.")
	case !hmac.Equal([]byte(q.Get("sig")), []byte(s.sign(account, path, q))):
		return fail(403, "AuthenticationFailed", "Server failed to authenticate the request. Signature did not match.")
	}
	expires, err := time.Parse(time.RFC3339, q.Get("se"))
	if err != nil || !s.now().Before(expires) {
		return fail(403, "AuthenticationFailed", "Server failed to authenticate the request. Signature not valid in the specified time frame.")
	}
	if start, err := time.Parse(time.RFC3339, q.Get("st")); err == nil && s.now().Before(start) {
		return fail(403, "AuthenticationFailed", "Server failed to authenticate the request. Signature not valid in the specified time frame.")
	}
	if !strings.ContainsAny(q.Get("sp"), anyOf) {
		return fail(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")
	}
	return nil
}
