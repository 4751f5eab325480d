package documents

import (
	"fmt"
	"strings"
)

// HostingEnvironment answers type=hostingEnvironmentConfig.
func HostingEnvironment(id Identity, g Goal) string {
	if raw, ok := g.State.Raw["hostingEnvironmentConfig"]; ok {
		return raw
	}
	deployment, _, _ := strings.Cut(id.ConfigName, ".")
	return fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?>
<HostingEnvironmentConfig version="1.0.0.0" goalStateIncarnation="%[1]d">
  <StoredCertificates>
    <StoredCertificate name="Stored0Microsoft.WindowsAzure.Plugins.RemoteAccess.PasswordEncryption" certificateId="sha1:" storeName="My" configurationLevel="System" />
  </StoredCertificates>
  <Deployment name="%[2]s" guid="{%[2]s}" incarnation="0" isNonCancellableTopologyChangeEnabled="false">
    <Service name="%[3]s" guid="{00000000-0000-0000-0000-000000000000}" />
    <ServiceInstance name="%[2]s.0" guid="{%[4]s}" />
  </Deployment>
  <Incarnation number="1" instance="%[5]s" guid="{%[4]s}" />
  <Role guid="{%[4]s}" name="%[3]s" hostingEnvironmentVersion="1" software="" softwareType="ApplicationPackage" entryPoint="" parameters="" settleTimeSeconds="10" />
  <HostingEnvironmentSettings name="full" Runtime="rd_fabric_stable.110217-1402.RuntimePackage_1.0.0.8.zip">
    <CAS mode="full" />
    <PrivilegeLevel mode="max" />
    <AdditionalProperties><CgiHandlers></CgiHandlers></AdditionalProperties>
  </HostingEnvironmentSettings>
  <ApplicationSettings>
    <Setting name="__ModelData" value="&lt;m role=&quot;%[3]s&quot; xmlns=&quot;urn:azure:m:v1&quot;&gt;&lt;/m&gt;" />
  </ApplicationSettings>
  <ResourceReferences>
    <Resource name="DiagnosticStore" type="directory" request="Microsoft.Cis.Fabric.Controller.Descriptions.ServiceDescription.Data.Policy" sticky="true" size="1" path="%[5]s.DiagnosticStore\" disableQuota="false" />
  </ResourceReferences>
</HostingEnvironmentConfig>
`, g.Incarnation, deployment, attribute(id.Name), id.ContainerID, attribute(id.RoleInstance))
}

// SharedConfig answers type=sharedConfig; address is the VM's first one.
func SharedConfig(id Identity, g Goal, address string) string {
	if raw, ok := g.State.Raw["sharedConfig"]; ok {
		return raw
	}
	deployment, _, _ := strings.Cut(id.ConfigName, ".")
	return fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?>
<SharedConfig version="1.0.0.0" goalStateIncarnation="%[1]d">
  <Deployment name="%[2]s" guid="{%[2]s}" incarnation="0">
    <Service name="%[3]s" guid="{00000000-0000-0000-0000-000000000000}" />
    <ServiceInstance name="%[2]s.0" guid="{%[4]s}" />
  </Deployment>
  <Incarnation number="1" instance="%[5]s" guid="{%[4]s}" />
  <Role guid="{%[4]s}" name="%[3]s" settleTimeSeconds="10" />
  <LoadBalancerSettings timeoutSeconds="0" waitLoadBalancerProbeCount="8">
    <Probes>
      <Probe name="%[3]s" />
    </Probes>
  </LoadBalancerSettings>
  <OutputEndpoints />
  <Instances>
    <Instance id="%[5]s" address="%[6]s" />
  </Instances>
</SharedConfig>
`, g.Incarnation, deployment, attribute(id.Name), id.ContainerID, attribute(id.RoleInstance), attribute(address))
}

// Certificates answers comp=certificates around an encrypted message; nil leaves Data out.
func Certificates(g Goal, message []byte) string {
	data := ""
	if message != nil {
		data = "\n  <Data>" + Wrap(message) + "</Data>"
	}
	return fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?>
<CertificateFile xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="certificates10.xsd">
  <Version>2012-11-30</Version>
  <Incarnation>%d</Incarnation>
  <Format>Pkcs7BlobWithPfxContents</Format>%s
</CertificateFile>
`, g.Incarnation, data)
}

// Error is WireServer's answer to what it rejects.
func Error(code, message string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?>
<Error xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
    <Code>%s</Code>
    <Message>%s</Message>
    <Details></Details>
</Error>
`, code, escape(message))
}
