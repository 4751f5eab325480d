package config

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// option is one row of the table: the only place where an option's name, type and default stand.
type option struct {
	name  string
	value string             // the default in the file's own spelling; "None" is unset
	field any                // where it goes: *bool, *int, *int64, *string, *time.Duration (seconds in the file)
	least int64              // the smallest number accepted
	check func(string) error // whether a text is accepted; nil: any
	// like names an option whose value an absent one takes instead of value.
	like string
	// legacy is what the Python agent takes for an absent key, "" if that is value too. It holds on a VM that another
	// agent provisioned, where a default that destroys or changes something would surprise.
	legacy string
	// hidden keeps the option out of the plain dump, as the original does.
	hidden bool
}

// options lists every option, pointing into c.
func options(c *Config) []option {
	return slices.Concat(agentOptions(c), provisioningOptions(c), osOptions(c), debugOptions(c))
}

func agentOptions(c *Config) []option {
	return []option{
		{name: "Extensions.Enabled", value: "y", field: &c.Extensions.Enabled},
		{name: "Extensions.GoalStatePeriod", value: "6", field: &c.Extensions.GoalStatePeriod, least: 1},
		{name: "Extensions.InitialGoalStatePeriod", like: "Extensions.GoalStatePeriod", field: &c.Extensions.InitialGoalStatePeriod, least: 1},
		{name: "Extensions.WaitForCloudInit", value: "n", field: &c.Extensions.WaitForCloudInit},
		{name: "Extensions.WaitForCloudInitTimeout", value: "3600", field: &c.Extensions.WaitForCloudInitTimeout, least: 1},
		{name: "AutoUpdate.Enabled", value: "y", field: &c.AutoUpdate.Enabled},
		{name: "AutoUpdate.UpdateToLatestVersion", like: "AutoUpdate.Enabled", field: &c.AutoUpdate.UpdateToLatestVersion},
		{name: "AutoUpdate.GAFamily", value: "Prod", field: &c.AutoUpdate.GAFamily, check: notEmpty},
		{name: "Autoupdate.Frequency", value: "3600", field: &c.AutoUpdate.Frequency, least: 1},
		{name: "EnableOverProvisioning", value: "y", field: &c.EnableOverProvisioning},
		{name: "Logs.Verbose", value: "n", field: &c.Logs.Verbose},
		{name: "Logs.Console", value: "y", field: &c.Logs.Console},
		{name: "Logs.Collect", value: "y", field: &c.Logs.Collect},
		{name: "Logs.CollectPeriod", value: "3600", field: &c.Logs.CollectPeriod, least: 1},
		{name: "Lib.Dir", value: DefaultLibDir, field: &c.LibDir, check: absolute},
		{name: "DVD.MountPoint", value: "/mnt/cdrom/secure", field: &c.DVDMountPoint, check: absolute},
		{name: "Pid.File", value: "/var/run/waagent.pid", field: &c.PidFile, check: absolute},
		{name: "Extension.LogDir", value: "/var/log/azure", field: &c.ExtensionLogDir, check: absolute},
		{name: "Policy.PolicyFilePath", value: "/etc/waagent_policy.json", field: &c.PolicyFile, check: absolute},
		{name: "Protocol.EndpointDiscovery", value: "dhcp", field: &c.Network.EndpointDiscovery},
		{name: "HttpProxy.Host", value: "None", field: &c.Network.ProxyHost},
		{name: "HttpProxy.Port", value: "None", field: &c.Network.ProxyPort},
		{name: "Monitor.NetworkConfigurationChanges", value: "n", field: &c.Network.MonitorChanges, hidden: true},
		{name: "DetectScvmmEnv", value: "n", field: &c.DetectScvmmEnv},
		{name: "LBProbeResponder", value: "y", field: &c.LBProbeResponder},
	}
}

func provisioningOptions(c *Config) []option {
	p, d := &c.Provisioning, &c.ResourceDisk
	return []option{
		{name: "Provisioning.Enabled", value: "y", field: &p.Enabled},
		{name: "Provisioning.Agent", value: "auto", field: &p.Agent, check: oneOf("auto", "waagent", "cloud-init", "disabled")},
		{name: "Provisioning.DeleteRootPassword", value: "n", field: &p.DeleteRootPassword},
		{name: "Provisioning.RegenerateSshHostKeyPair", value: "y", legacy: "n", field: &p.RegenerateSSHHostKeyPair},
		{name: "Provisioning.SshHostKeyPairType", value: "rsa", field: &p.SSHHostKeyPairType, check: oneOf("rsa", "dsa", "ecdsa", "ed25519", "auto")},
		{name: "Provisioning.MonitorHostName", value: "y", legacy: "n", field: &p.MonitorHostName},
		{name: "Provisioning.MonitorHostNamePeriod", value: "30", field: &p.MonitorHostNamePeriod, least: 1},
		{name: "Provisioning.DecodeCustomData", value: "n", field: &p.DecodeCustomData},
		{name: "Provisioning.ExecuteCustomData", value: "n", field: &p.ExecuteCustomData},
		{name: "Provisioning.AllowResetSysUser", value: "n", field: &p.AllowResetSysUser},
		{name: "Provisioning.PasswordCryptId", value: "6", field: &p.PasswordCryptID, check: oneOf("1", "2a", "5", "6", "y")},
		{name: "Provisioning.PasswordCryptSaltLength", value: "10", field: &p.PasswordCryptSaltLength, least: 1},
		{name: "ResourceDisk.Format", value: "y", legacy: "n", field: &d.Format},
		{name: "ResourceDisk.Filesystem", value: "ext4", field: &d.Filesystem, check: notEmpty},
		{name: "ResourceDisk.MountPoint", value: "/mnt/resource", field: &d.MountPoint, check: absolute},
		{name: "ResourceDisk.MountOptions", value: "None", field: &d.MountOptions},
		{name: "ResourceDisk.EnableSwap", value: "n", field: &d.EnableSwap},
		{name: "ResourceDisk.EnableSwapEncryption", value: "n", field: &d.EnableSwapEncryption},
		{name: "ResourceDisk.SwapSizeMB", value: "0", field: &d.SwapSizeMB},
		{name: "ResourceDisk.NVMe", value: "n", field: &d.NVMe, hidden: true},
	}
}

func osOptions(c *Config) []option {
	o := &c.OS
	return []option{
		{name: "OS.AllowHTTP", value: "n", field: &o.AllowHTTP},
		{name: "OS.EnableFirewall", value: "n", field: &o.EnableFirewall},
		{name: "OS.EnableFirewallPeriod", value: "300", field: &o.EnableFirewallPeriod, least: 1},
		{name: "OS.RemovePersistentNetRulesPeriod", value: "30", field: &o.RemovePersistentNetRulesPeriod, least: 1},
		{name: "OS.MonitorDhcpClientRestartPeriod", value: "30", field: &o.MonitorDhcpClientRestartPeriod, least: 1},
		{name: "OS.RootDeviceScsiTimeout", value: "300", field: &o.RootDeviceScsiTimeout, check: seconds},
		{name: "OS.RootDeviceScsiTimeoutPeriod", value: "30", field: &o.RootDeviceScsiTimeoutPeriod, least: 1},
		{name: "OS.EnableFIPS", value: "n", field: &o.EnableFIPS},
		{name: "OS.OpensslPath", value: "None", field: &o.OpensslPath},
		{name: "OS.SshClientAliveInterval", value: "180", field: &o.SSHClientAliveInterval, check: oneWord},
		{name: "OS.SshDir", value: "/etc/ssh", field: &o.SSHDir, check: absolute},
		{name: "OS.HomeDir", value: "/home", field: &o.HomeDir, check: absolute},
		{name: "OS.PasswordPath", value: "/etc/shadow", field: &o.PasswordPath, check: absolute},
		{name: "OS.SudoersDir", value: "/etc/sudoers.d", field: &o.SudoersDir, check: absolute},
		{name: "OS.EnableRDMA", value: "n", field: &o.EnableRDMA},
		{name: "OS.UpdateRdmaDriver", value: "n", field: &o.UpdateRdmaDriver},
		{name: "OS.CheckRdmaDriver", value: "n", field: &o.CheckRdmaDriver},
	}
}

func debugOptions(c *Config) []option {
	d := &c.Debug
	return []option{
		{name: "Debug.CgroupCheckPeriod", value: "300", field: &d.CgroupCheckPeriod, least: 1},
		{name: "Debug.CgroupLogMetrics", value: "n", field: &d.CgroupLogMetrics},
		{name: "Debug.CgroupDisableOnProcessCheckFailure", value: "y", field: &d.CgroupDisableOnProcessCheckFailure},
		{name: "Debug.CgroupDisableOnQuotaCheckFailure", value: "y", field: &d.CgroupDisableOnQuotaCheckFailure},
		{name: "Debug.EnableCgroupV2ResourceLimiting", value: "y", field: &d.EnableCgroupV2ResourceLimiting},
		{name: "Debug.AgentCpuQuota", value: "50", field: &d.AgentCPUQuota, least: 1},
		{name: "Debug.AgentCpuThrottledTimeThreshold", value: "120", field: &d.AgentCPUThrottledTimeThreshold},
		{name: "Debug.AgentMemoryQuota", value: "314572800", field: &d.AgentMemoryQuota, least: 1},
		{name: "Debug.EnableAgentMemoryUsageCheck", value: "n", field: &d.EnableAgentMemoryUsageCheck},
		{name: "Debug.EnableFastTrack", value: "y", field: &d.EnableFastTrack},
		{name: "Debug.EnableGAVersioning", value: "y", field: &d.EnableGAVersioning},
		{name: "Debug.EtpCollectionPeriod", value: "300", field: &d.EtpCollectionPeriod, least: 1},
		{name: "Debug.SelfUpdateHotfixFrequency", value: "14400", field: &d.SelfUpdateHotfixFrequency, least: 1, hidden: true},
		{name: "Debug.SelfUpdateRegularFrequency", value: "86400", field: &d.SelfUpdateRegularFrequency, least: 1, hidden: true},
		{name: "Debug.EnableExtensionPolicy", value: "y", field: &d.EnableExtensionPolicy},
		{name: "Debug.EnableExtSignatureValidation", value: "y", field: &d.EnableExtSignatureValidation},
		{name: "Debug.IgnoreExtSignatureValidationErrors", value: "y", field: &d.IgnoreExtSignatureValidationErrors},
		{name: "Debug.EnableAgentSignatureValidation", value: "n", field: &d.EnableAgentSignatureValidation},
		{name: "Debug.LogCollectorInitialDelay", value: "300", field: &d.LogCollectorInitialDelay},
	}
}

// accepted are keys that shipped files carry and no agent of today consults; they deserve no warning.
func accepted() []string {
	return []string{
		"Provisioning.UseCloudInit", "Role.StateConsumer", "Role.ConfigurationConsumer", "Role.TopologyConsumer",
		"Network.Interface", "CGroups.Enabled", "CGroups.EnforceLimits", "CGroups.Excluded", "OS.SshdConfigPath", "Home.Dir",
		"Logs.File", "Debug.EnableRsmDowngrade", "Debug.FirewallRulesLogPeriod", "Debug.EnableSignatureValidation",
		"Debug.SignatureValidationInitialDelay", "Debug.SignatureValidationTimeout", "Debug.SignatureValidationTelemetryExpiryTime",
		"SignatureValidationInitialDelay", "EnableAgentSignatureValidation", "IgnoreExtSignatureValidationErrors",
	}
}

func absolute(s string) error {
	if !path.IsAbs(s) {
		return errors.New("not an absolute path")
	}
	return nil
}

func notEmpty(s string) error {
	if s == "" {
		return errors.New("empty")
	}
	return nil
}

func oneWord(s string) error {
	if s == "" || strings.ContainsAny(s, " \t\r") {
		return errors.New("not one word")
	}
	return nil
}

// seconds accepts a number, or nothing, which leaves the timeout alone.
func seconds(s string) error {
	if strings.Trim(s, "0123456789") != "" {
		return errors.New("not a number of seconds")
	}
	return nil
}

func oneOf(values ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(values, s) {
			return fmt.Errorf("not one of %s", strings.Join(values, ", "))
		}
		return nil
	}
}

// asSeconds is the unit of every period in the file.
func asSeconds(n int64) time.Duration { return time.Duration(n) * time.Second }
