package documents

import (
	"fmt"
	"net/url"
	"strings"
)

// Versions answers /?comp=versions.
func Versions() string {
	return `<?xml version="1.0" encoding="utf-8"?>
<Versions>
  <Preferred>
    <Version>2015-04-05</Version>
  </Preferred>
  <Supported>
    <Version>2015-04-05</Version>
    <Version>2012-11-30</Version>
    <Version>2012-09-15</Version>
    <Version>2012-05-15</Version>
    <Version>2011-12-31</Version>
    <Version>2011-10-15</Version>
    <Version>2011-08-31</Version>
    <Version>2011-04-07</Version>
    <Version>2010-12-15</Version>
    <Version>2010-28-10</Version>
  </Supported>
</Versions>
`
}

// GoalState answers /machine/?comp=goalstate; base is http://host:port as its URIs name it.
func GoalState(id Identity, g Goal, base string) string {
	if raw, ok := g.State.Raw["goalState"]; ok {
		return raw
	}
	prefix := fmt.Sprintf("%s/machine/%s/%s?comp=", base, id.ContainerID, strings.ReplaceAll(url.PathEscape(id.RoleInstance), "_", "%5F"))
	config := func(kind string) string {
		return escape(fmt.Sprintf("%sconfig&type=%s&incarnation=%d", prefix, kind, g.Incarnation))
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`<?xml version="1.0" encoding="utf-8"?>`)
	line(`<GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="goalstate10.xsd">`)
	line(`  <Version>2012-11-30</Version>`)
	line(`  <Incarnation>%d</Incarnation>`, g.Incarnation)
	line(`  <Machine>`)
	line(`    <ExpectedState>Started</ExpectedState>`)
	line(`    <StopRolesDeadlineHint>300000</StopRolesDeadlineHint>`)
	line(`    <LBProbePorts>`)
	line(`      <Port>16001</Port>`)
	line(`    </LBProbePorts>`)
	line(`    <ExpectHealthReport>FALSE</ExpectHealthReport>`)
	line(`  </Machine>`)
	line(`  <Container>`)
	if !Omits(g.State, "ContainerId") {
		line(`    <ContainerId>%s</ContainerId>`, id.ContainerID)
	}
	if g.State.Users != nil || g.State.Raw["remoteAccess"] != "" {
		line(`    <RemoteAccessInfo>%s</RemoteAccessInfo>`, escape(fmt.Sprintf("%sremoteaccessinfo&incarnation=%d", prefix, g.Incarnation)))
	}
	line(`    <RoleInstanceList>`)
	if !Omits(g.State, "RoleInstance") {
		line(`      <RoleInstance>`)
		line(`        <InstanceId>%s</InstanceId>`, escape(id.RoleInstance))
		line(`        <State>Started</State>`)
		line(`        <Configuration>`)
		line(`          <HostingEnvironmentConfig>%s</HostingEnvironmentConfig>`, config("hostingEnvironmentConfig"))
		line(`          <SharedConfig>%s</SharedConfig>`, config("sharedConfig"))
		if !Omits(g.State, "ExtensionsConfig") {
			line(`          <ExtensionsConfig>%s</ExtensionsConfig>`, config("extensionsConfig"))
		}
		line(`          <FullConfig>%s</FullConfig>`, config("fullConfig"))
		if !Omits(g.State, "Certificates") {
			line(`          <Certificates>%s</Certificates>`, escape(fmt.Sprintf("%scertificates&incarnation=%d", prefix, g.Incarnation)))
		}
		if !Omits(g.State, "ConfigName") {
			line(`          <ConfigName>%s</ConfigName>`, escape(id.ConfigName))
		}
		line(`        </Configuration>`)
		line(`      </RoleInstance>`)
	}
	line(`    </RoleInstanceList>`)
	line(`  </Container>`)
	line(`</GoalState>`)
	return b.String()
}
