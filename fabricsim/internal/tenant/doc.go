// Package tenant makes the certificates of a simulated VM's tenant and packs them as the fabric does: keys and
// certificates in a PKCS#12 with an empty password, that in a CMS EnvelopedData to whoever asked. The libraries at
// hand write neither a recipient by subject key id nor a PKCS#12 with two keys, so both encoders are here. It only
// encodes; nothing in it is a model of how to protect real keys.
package tenant
