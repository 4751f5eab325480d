package documents

import (
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/fabricsim/goal"
)

// ExtensionsConfig answers type=extensionsConfig.
func ExtensionsConfig(g Goal) (string, error) {
	if raw, ok := g.State.Raw["extensionsConfig"]; ok {
		return raw, nil
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`<Extensions version="1.0.0.0" goalStateIncarnation="%d"><GuestAgentExtension xmlns:i="http://www.w3.org/2001/XMLSchema-instance">`, g.Incarnation)
	line(`  <GAFamilies>`)
	for _, f := range g.State.Families {
		writeFamily(line, f, g.FamilyURLs(f.Name))
	}
	line(`  </GAFamilies>`)
	line(`</GuestAgentExtension>`)
	if len(g.State.RequiredFeatures) > 0 {
		line(`<RequiredFeatures>`)
		for _, name := range g.State.RequiredFeatures {
			line(`  <RequiredFeature><Name>%s</Name></RequiredFeature>`, escape(name))
		}
		line(`</RequiredFeatures>`)
	}
	if g.StatusURL != "" {
		line(`<StatusUploadBlob statusBlobType="%s">%s</StatusUploadBlob>`, g.State.StatusBlob, escape(g.StatusURL))
	}
	if g.ProfileURL != "" {
		line(`<InVMArtifactsProfileBlob>%s</InVMArtifactsProfileBlob>`, escape(g.ProfileURL))
	}
	line(`<Plugins>`)
	for _, e := range g.State.Extensions {
		writePlugin(line, e, g.ManifestURLs(e.Name))
	}
	line(`</Plugins>`)
	line(`<PluginSettings>`)
	for _, e := range g.State.Extensions {
		if err := writeSettings(line, e, g.Protect); err != nil {
			return "", fmt.Errorf("settings of %s: %w", e.Name, err)
		}
	}
	line(`</PluginSettings>`)
	if !Omits(g.State, "MetaData") {
		line(`<InVMGoalStateMetaData inSvdSeqNo="%d" createdOnTicks="%d" activityId="%s" correlationId="%s" />`,
			g.Incarnation, Ticks(g.Created), orNull(g.State.ActivityID), orNull(g.State.CorrelationID))
	}
	line(`</Extensions>`)
	return b.String(), nil
}

type printer func(format string, args ...any)

func writeFamily(line printer, f goal.Family, urls []string) {
	line(`    <GAFamily>`)
	line(`      <Name>%s</Name>`, escape(f.Name))
	for _, x := range []struct{ name, text string }{{"Version", f.Version}, {"FromVersion", f.FromVersion}} {
		if x.text != "" {
			line(`      <%s>%s</%s>`, x.name, escape(x.text), x.name)
		}
	}
	if f.IsVersionFromRSM != nil {
		line(`      <IsVersionFromRSM>%t</IsVersionFromRSM>`, *f.IsVersionFromRSM)
	}
	if f.IsVMEnabledForRSMUpgrades != nil {
		line(`      <IsVMEnabledForRSMUpgrades>%t</IsVMEnabledForRSMUpgrades>`, *f.IsVMEnabledForRSMUpgrades)
	}
	line(`      <Uris>`)
	for _, u := range urls {
		line(`        <Uri>%s</Uri>`, escape(u))
	}
	line(`      </Uris>`)
	if signed := signatures(f); len(signed) > 0 {
		line(`      <VersionToSignatureMappings>`)
		for _, p := range signed {
			line(`        <GASignature><Version>%s</Version><EncodedSignature>%s</EncodedSignature></GASignature>`, p.Version, p.Signature)
		}
		line(`      </VersionToSignatureMappings>`)
	}
	line(`    </GAFamily>`)
}

func signatures(f goal.Family) (signed []goal.AgentPackage) {
	for _, p := range f.Packages {
		if p.Signature != "" {
			signed = append(signed, p)
		}
	}
	return signed
}

func writePlugin(line printer, e goal.Extension, urls []string) {
	location, more := "", urls
	if len(urls) > 0 {
		location, more = urls[0], urls[1:]
	}
	failover := ""
	if len(more) > 0 {
		failover, more = more[0], more[1:]
	}
	signature := ""
	if e.EncodedSignature != "" {
		signature = fmt.Sprintf(` encodedSignature="%s"`, attribute(e.EncodedSignature))
	}
	head := fmt.Sprintf(`  <Plugin name="%s" version="%s" location="%s" failoverlocation="%s" autoUpgrade="true" runAsStartupTask="false" isJson="true" useExactVersion="true"%s state="%s"`,
		attribute(e.Name), attribute(e.Version), attribute(location), attribute(failover), signature, attribute(e.State))
	if len(more) == 0 {
		line(`%s />`, head)
		return
	}
	line(`%s>`, head)
	line(`    <additionalLocations>`)
	for _, u := range more {
		line(`      <additionalLocation>%s</additionalLocation>`, escape(u))
	}
	line(`    </additionalLocations>`)
	line(`  </Plugin>`)
}
