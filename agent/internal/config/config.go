// Package config reads waagent.conf into a typed Config. Every option, its type and its default stand here and nowhere
// else; a duty is handed its own section by value when it is made, and asks nothing global.
package config

import "time"

// Config is the effective configuration. Field comments name the option; its default is in the options table.
type Config struct {
	Extensions   Extensions
	AutoUpdate   AutoUpdate
	Provisioning Provisioning
	ResourceDisk ResourceDisk
	Logs         Logs
	Network      Network
	OS           OS
	Debug        Debug

	LibDir                 string // Lib.Dir, /var/lib/waagent
	DVDMountPoint          string // DVD.MountPoint, /mnt/cdrom/secure
	PidFile                string // Pid.File, /var/run/waagent.pid
	ExtensionLogDir        string // Extension.LogDir, /var/log/azure
	PolicyFile             string // Policy.PolicyFilePath, /etc/waagent_policy.json
	EnableOverProvisioning bool   // EnableOverProvisioning, y: an on-hold goal state is not processed
	DetectScvmmEnv         bool   // DetectScvmmEnv, n
	LBProbeResponder       bool   // LBProbeResponder, y: answer load balancer probes on the goal state's port
}

// Extensions is about running VM extensions.
type Extensions struct {
	Enabled                 bool          // Extensions.Enabled, y
	GoalStatePeriod         time.Duration // Extensions.GoalStatePeriod, 6 s
	InitialGoalStatePeriod  time.Duration // Extensions.InitialGoalStatePeriod, as GoalStatePeriod
	WaitForCloudInit        bool          // Extensions.WaitForCloudInit, n
	WaitForCloudInitTimeout time.Duration // Extensions.WaitForCloudInitTimeout, 3600 s
}

// AutoUpdate is about the agent replacing itself.
type AutoUpdate struct {
	Enabled               bool          // AutoUpdate.Enabled, y
	UpdateToLatestVersion bool          // AutoUpdate.UpdateToLatestVersion, as Enabled
	GAFamily              string        // AutoUpdate.GAFamily, Prod
	Frequency             time.Duration // Autoupdate.Frequency, 3600 s
}

// Provisioning is about the first boot.
type Provisioning struct {
	Enabled                  bool          // Provisioning.Enabled, y
	Agent                    string        // Provisioning.Agent: auto, waagent, cloud-init, disabled
	DeleteRootPassword       bool          // Provisioning.DeleteRootPassword, n
	RegenerateSSHHostKeyPair bool          // Provisioning.RegenerateSshHostKeyPair, y
	SSHHostKeyPairType       string        // Provisioning.SshHostKeyPairType, rsa
	MonitorHostName          bool          // Provisioning.MonitorHostName, y
	MonitorHostNamePeriod    time.Duration // Provisioning.MonitorHostNamePeriod, 30 s
	DecodeCustomData         bool          // Provisioning.DecodeCustomData, n
	ExecuteCustomData        bool          // Provisioning.ExecuteCustomData, n
	AllowResetSysUser        bool          // Provisioning.AllowResetSysUser, n
	PasswordCryptID          string        // Provisioning.PasswordCryptId, 6
	PasswordCryptSaltLength  int           // Provisioning.PasswordCryptSaltLength, 10
}

// ResourceDisk is about the temporary disk and the swap file on it.
type ResourceDisk struct {
	Format               bool   // ResourceDisk.Format, y
	Filesystem           string // ResourceDisk.Filesystem, ext4
	MountPoint           string // ResourceDisk.MountPoint, /mnt/resource
	MountOptions         string // ResourceDisk.MountOptions, none
	EnableSwap           bool   // ResourceDisk.EnableSwap, n
	EnableSwapEncryption bool   // ResourceDisk.EnableSwapEncryption, n
	SwapSizeMB           int    // ResourceDisk.SwapSizeMB, 0
	NVMe                 bool   // ResourceDisk.NVMe, n: also look at NVMe local disks
}

// Logs is about the agent's own log.
type Logs struct {
	Verbose       bool          // Logs.Verbose, n
	Console       bool          // Logs.Console, y: echo to /dev/console until provisioned
	Collect       bool          // Logs.Collect, y
	CollectPeriod time.Duration // Logs.CollectPeriod, 3600 s
}

// Network is about reaching the fabric and storage.
type Network struct {
	EndpointDiscovery string // Protocol.EndpointDiscovery, dhcp; anything else: 168.63.129.16
	ProxyHost         string // HttpProxy.Host, none; storage only, never the fabric
	ProxyPort         int    // HttpProxy.Port, 0 for none
	MonitorChanges    bool   // Monitor.NetworkConfigurationChanges, n
}

// OS is about the operating system's files and devices.
type OS struct {
	AllowHTTP                      bool          // OS.AllowHTTP, n
	EnableFirewall                 bool          // OS.EnableFirewall, n
	EnableFirewallPeriod           time.Duration // OS.EnableFirewallPeriod, 300 s
	RemovePersistentNetRulesPeriod time.Duration // OS.RemovePersistentNetRulesPeriod, 30 s
	MonitorDhcpClientRestartPeriod time.Duration // OS.MonitorDhcpClientRestartPeriod, 30 s
	RootDeviceScsiTimeout          string        // OS.RootDeviceScsiTimeout, 300; "" leaves it alone
	RootDeviceScsiTimeoutPeriod    time.Duration // OS.RootDeviceScsiTimeoutPeriod, 30 s
	EnableFIPS                     bool          // OS.EnableFIPS, n
	OpensslPath                    string        // OS.OpensslPath, none; accepted and not used
	SSHClientAliveInterval         string        // OS.SshClientAliveInterval, 180
	SSHDir                         string        // OS.SshDir, /etc/ssh
	HomeDir                        string        // OS.HomeDir, /home
	PasswordPath                   string        // OS.PasswordPath, /etc/shadow
	SudoersDir                     string        // OS.SudoersDir, /etc/sudoers.d
	EnableRDMA                     bool          // OS.EnableRDMA, n
	UpdateRdmaDriver               bool          // OS.UpdateRdmaDriver, n
	CheckRdmaDriver                bool          // OS.CheckRdmaDriver, n
}

// Debug is about what only support and tests change.
type Debug struct {
	CgroupCheckPeriod                  time.Duration // Debug.CgroupCheckPeriod, 300 s
	CgroupLogMetrics                   bool          // Debug.CgroupLogMetrics, n
	CgroupDisableOnProcessCheckFailure bool          // Debug.CgroupDisableOnProcessCheckFailure, y
	CgroupDisableOnQuotaCheckFailure   bool          // Debug.CgroupDisableOnQuotaCheckFailure, y
	EnableCgroupV2ResourceLimiting     bool          // Debug.EnableCgroupV2ResourceLimiting, y
	AgentCPUQuota                      int           // Debug.AgentCpuQuota, 50 percent of one CPU
	AgentCPUThrottledTimeThreshold     time.Duration // Debug.AgentCpuThrottledTimeThreshold, 120 s
	AgentMemoryQuota                   int64         // Debug.AgentMemoryQuota, bytes
	EnableAgentMemoryUsageCheck        bool          // Debug.EnableAgentMemoryUsageCheck, n
	EnableFastTrack                    bool          // Debug.EnableFastTrack, y
	EnableGAVersioning                 bool          // Debug.EnableGAVersioning, y
	EtpCollectionPeriod                time.Duration // Debug.EtpCollectionPeriod, 300 s
	SelfUpdateHotfixFrequency          time.Duration // Debug.SelfUpdateHotfixFrequency, 14400 s
	SelfUpdateRegularFrequency         time.Duration // Debug.SelfUpdateRegularFrequency, 86400 s
	EnableExtensionPolicy              bool          // Debug.EnableExtensionPolicy, y
	EnableExtSignatureValidation       bool          // Debug.EnableExtSignatureValidation, y
	IgnoreExtSignatureValidationErrors bool          // Debug.IgnoreExtSignatureValidationErrors, y
	EnableAgentSignatureValidation     bool          // Debug.EnableAgentSignatureValidation, n
	LogCollectorInitialDelay           time.Duration // Debug.LogCollectorInitialDelay, 300 s
}
