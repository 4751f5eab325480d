package host

import (
	"strings"

	"golang.org/x/sys/unix"
)

type mountFlag struct {
	flag  uintptr
	clear bool
}

var mountFlags = map[string]mountFlag{
	"ro":            {unix.MS_RDONLY, false},
	"rw":            {unix.MS_RDONLY, true},
	"nosuid":        {unix.MS_NOSUID, false},
	"suid":          {unix.MS_NOSUID, true},
	"nodev":         {unix.MS_NODEV, false},
	"dev":           {unix.MS_NODEV, true},
	"noexec":        {unix.MS_NOEXEC, false},
	"exec":          {unix.MS_NOEXEC, true},
	"sync":          {unix.MS_SYNCHRONOUS, false},
	"async":         {unix.MS_SYNCHRONOUS, true},
	"dirsync":       {unix.MS_DIRSYNC, false},
	"noatime":       {unix.MS_NOATIME, false},
	"atime":         {unix.MS_NOATIME, true},
	"nodiratime":    {unix.MS_NODIRATIME, false},
	"diratime":      {unix.MS_NODIRATIME, true},
	"relatime":      {unix.MS_RELATIME, false},
	"norelatime":    {unix.MS_RELATIME, true},
	"strictatime":   {unix.MS_STRICTATIME, false},
	"nostrictatime": {unix.MS_STRICTATIME, true},
	"lazytime":      {unix.MS_LAZYTIME, false},
	"nolazytime":    {unix.MS_LAZYTIME, true},
	"mand":          {unix.MS_MANDLOCK, false},
	"nomand":        {unix.MS_MANDLOCK, true},
	"silent":        {unix.MS_SILENT, false},
	"loud":          {unix.MS_SILENT, true},
	"remount":       {unix.MS_REMOUNT, false},
	"bind":          {unix.MS_BIND, false},
}

// forMountProgram are options that mount(8) and systemd keep to themselves; a filesystem would refuse them.
var forMountProgram = map[string]bool{
	"": true, "defaults": true, "auto": true, "noauto": true, "nofail": true, "_netdev": true,
	"user": true, "nouser": true, "users": true, "owner": true, "group": true,
}

// mountOptions turns the text of mount -o into what mount(2) takes: flags, and the rest for the filesystem.
func mountOptions(text string) (flags uintptr, data string) {
	var rest []string
	for o := range strings.SplitSeq(text, ",") {
		o = strings.TrimSpace(o)
		if f, ok := mountFlags[o]; ok {
			flags |= f.flag
			if f.clear {
				flags &^= f.flag
			}
			continue
		}
		if forMountProgram[o] || strings.HasPrefix(o, "x-") || strings.HasPrefix(o, "comment=") {
			continue
		}
		rest = append(rest, o)
	}
	return flags, strings.Join(rest, ",")
}
