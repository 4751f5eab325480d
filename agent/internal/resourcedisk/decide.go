package resourcedisk

import (
	"fmt"
	"strings"
)

// content is what was found in one place: the whole disk, or a partition.
type content struct {
	Part   part // Number 0: the whole disk
	FS     string
	Blank  bool
	Names  []string // in the root of an NTFS, the platform's own left out
	Unread error    // why Names is not known
}

// survey is everything that a decision rests on.
type survey struct {
	Device string
	NVMe   bool
	Table  table
	Damage error // the table's
	Whole  content
	Parts  []content // without what Windows reserves
	Ours   bool      // our record names this very table
}

type action int

const (
	refuse action = iota
	mountIt
	format
)

// plan is what to do with a disk. Kind is the table to write; an NTFS disk keeps its kind.
type plan struct {
	Action action
	Part   int // to mount; 0 is the whole disk
	FS     string
	Kind   kind
	Reason string
}

// decide holds the rule that nothing is ever destroyed: a disk is formatted only if it is blank, or its one NTFS
// partition holds nothing but the platform's notice, or this agent formatted it and its content is no filesystem.
func decide(s survey, want string) plan {
	if s.Whole.Blank {
		return formatUnlessNTFS(want, gpt, "the disk is blank")
	}
	if s.NVMe && !s.Ours {
		return plan{Reason: s.holds() + ", and NVMe disks are used only when they are blank"}
	}
	if s.Whole.FS != "" {
		return decideOne(s, s.Whole, want)
	}
	if s.Damage != nil {
		return plan{Reason: s.Damage.Error()}
	}
	switch len(s.Parts) {
	case 0:
		return plan{Reason: "it has no partition, but is not blank"}
	case 1:
		return decideOne(s, s.Parts[0], want)
	}
	var kinds []string
	for _, p := range s.Parts {
		if p.FS == "ntfs" && want == "ntfs" || mountable(p.FS) {
			return plan{Action: mountIt, Part: p.Part.Number, FS: p.FS, Reason: "it has a filesystem"}
		}
		kinds = append(kinds, p.describe())
	}
	return plan{Reason: fmt.Sprintf("it has %d partitions: %s", len(s.Parts), strings.Join(kinds, ", "))}
}

func decideOne(s survey, c content, want string) plan {
	switch {
	case mountable(c.FS), c.FS == "ntfs" && want == "ntfs":
		return plan{Action: mountIt, Part: c.Part.Number, FS: c.FS, Kind: s.Table.Kind, Reason: "it has a filesystem"}
	case c.FS == "ntfs" && c.Part.Number == 0:
		return plan{Reason: "the whole disk is one NTFS filesystem"}
	case c.FS == "ntfs" && s.NVMe:
		return plan{Reason: "it holds an NTFS filesystem, and NVMe disks are formatted only when they are blank"}
	case c.FS == "ntfs" && c.Unread != nil:
		return plan{Reason: "it holds an NTFS filesystem: " + c.Unread.Error()}
	case c.FS == "ntfs" && len(c.Names) > 0:
		return plan{Reason: "its NTFS filesystem holds " + someOf(c.Names)}
	case c.FS == "ntfs":
		return formatUnlessNTFS(want, s.Table.Kind, "its NTFS filesystem holds nothing but the platform's notice")
	case c.FS != "":
		return plan{Reason: "it holds " + c.FS}
	case s.Ours:
		return formatUnlessNTFS(want, s.Table.Kind, "this agent formatted it, and its filesystem is gone")
	case c.Blank:
		return formatUnlessNTFS(want, s.Table.Kind, "its only partition is blank")
	}
	return plan{Reason: "it holds data of an unknown kind"}
}

// afterDamage decides once more about a filesystem that cannot be mounted.
func afterDamage(s survey, p plan, want string, err error) plan {
	if s.Ours && p.FS != "ntfs" {
		return formatUnlessNTFS(want, s.Table.Kind, "this agent formatted it, and its filesystem is damaged: "+err.Error())
	}
	return plan{Reason: fmt.Sprintf("its %s filesystem cannot be mounted: %v", p.FS, err)}
}

func formatUnlessNTFS(want string, k kind, reason string) plan {
	if want == "ntfs" {
		return plan{Reason: reason + ", and ResourceDisk.Filesystem=ntfs formats nothing"}
	}
	return plan{Action: format, FS: want, Kind: k, Reason: reason}
}

// holds says what is on a disk that is not blank.
func (s survey) holds() string {
	if s.Whole.FS != "" || len(s.Parts) == 0 {
		return "it holds " + s.Whole.describe()
	}
	kinds := make([]string, len(s.Parts))
	for i, p := range s.Parts {
		kinds[i] = p.describe()
	}
	return "it holds a partition that is " + strings.Join(kinds, ", one that is ")
}

func (c content) describe() string {
	switch {
	case c.FS != "":
		return c.FS
	case c.Blank:
		return "blank"
	}
	return "unknown"
}

func someOf(names []string) string {
	const few = 3
	quoted := fmt.Sprintf("%q", names[:min(few, len(names))])
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", quoted, len(names)-few)
	}
	return quoted
}
