package extension

import (
	"errors"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// signatures decides whether an item needs a valid signature, and tells the fabric whether it brings one.
func (p *processing) signatures(it *item) {
	if it.wanted.State != goalstate.Uninstall {
		signed := it.wanted.EncodedSignature != ""
		aHandler{e: p.e, name: it.wanted.Name}.event("ExtensionSigned", signed, it.wanted.Version)
	}
	if !p.policy.SignatureRequired(it.wanted.Name) {
		return
	}
	it.mustSign = p.e.o.MustSign != nil && p.e.o.MustSign()
	if !it.mustSign {
		it.log().Warn("The policy asks for a signature, which counts on confidential VMs only")
	}
}

// checkSignature judges a package before it is unpacked. A verdict that nobody asked for stops nothing.
func (h aHandler) checkSignature(file string, from source) (signed bool, err error) {
	if h.e.o.Verifier == nil {
		return false, h.unsigned(from.mustSign, errors.New("signatures are not checked on this VM"))
	}
	if from.signature == "" {
		return false, h.unsigned(from.mustSign, errors.New("the package is not signed"))
	}
	err = h.e.o.Verifier.Verify(file, from.signature)
	h.event("PackageSignatureResult", err == nil, message(err, "the signature is valid"))
	if err != nil {
		h.log().Warn("The package's signature is not valid", "error", err.Error())
		return false, h.unsigned(from.mustSign, err)
	}
	return true, nil
}

func message(err error, otherwise string) string {
	if err != nil {
		return err.Error()
	}
	return otherwise
}

// unsigned is the failure of a package that must be signed and is not.
func (h aHandler) unsigned(must bool, err error) error {
	if !must {
		return nil
	}
	return barred(classDisallowed, status.CodeEnable, "Extension '%s' will not be processed since the extension policy asks "+
		"for a valid signature: %v", h.name, err)
}

// recordSignature compares what a signed package says of itself with what it was asked for as, and remembers the
// verdict for as long as the version is there.
func (h aHandler) recordSignature(signed, must bool) error {
	if !signed {
		return nil
	}
	err := h.checkSigningInfo()
	h.event("PackageSigningInfoResult", err == nil, message(err, "the signing information is right"))
	h.event("SignatureValidation", err == nil, message(err, "the package is validated"))
	if err != nil {
		h.log().Warn("The package's signing information is wrong", "error", err.Error())
		return h.unsigned(must, err)
	}
	text := "Package validated"
	return h.writeStatus(handlerStatus{
		Name: h.name, Version: h.version.String(), Status: status.NotReady, Message: &text, SignatureValidated: true,
	})
}

func (h aHandler) checkSigningInfo() error {
	m, err := h.manifest()
	if err != nil {
		return err
	}
	if m.SigningInfo == nil {
		return fmt.Errorf("%s has no signingInfo", handler.ManifestFile)
	}
	i := strings.LastIndexByte(h.name, '.')
	publisher, kind := h.name[:max(i, 0)], h.name[i+1:]
	for _, c := range []struct{ what, got, want string }{
		{"publisher", m.SigningInfo.Publisher, publisher}, {"type", m.SigningInfo.Type, kind},
		{"version", m.SigningInfo.Version, h.version.String()},
	} {
		if !strings.EqualFold(c.got, c.want) {
			return fmt.Errorf("signingInfo: the %s is %q, not %q", c.what, c.got, c.want)
		}
	}
	return nil
}

// checkValidated refuses a version that was installed before the policy asked for its signature.
func (it *item) checkValidated() error {
	if !it.mustSign {
		return nil
	}
	if s := it.h.readStatus(); s != nil && s.SignatureValidated {
		return nil
	}
	return it.h.unsigned(true, errors.New("the installed version's was not validated"))
}
