// Package media reads provisioning media without the kernel's help: UDF and ISO 9660, with Rock Ridge and Joliet
// names, from anything that can be read at an offset. The agent needs it in containers and on kernels whose udf is
// blacklisted; ovfgen reads images back with it. It never writes, and an image made to hurt costs it no more than
// the limits in budget.go.
package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// The filesystems, by the names the kernel has for them.
const (
	UDF     = "udf"
	ISO9660 = "iso9660"
)

// ErrUnknown is wrapped when there is neither a UDF nor an ISO 9660 filesystem.
var ErrUnknown = errors.New("neither UDF nor ISO 9660")

// Info says what was found.
type Info struct {
	Filesystem string // UDF or ISO9660
	Version    string // the UDF revision ("1.02"); how names are kept on ISO 9660 ("Joliet", "Rock Ridge", "plain")
	Label      string
	Bridge     bool // the disc carries ISO 9660 beside the UDF
}

const sectorSize = 2048

// Open reads the directories of the disc in r, all at once; files are read when they are opened. On a disc that is
// both, UDF is taken, as the kernel's list of types does, and ISO 9660 if the UDF side is damaged. Where r has
// a method Size() int64, as an io.SectionReader has, the anchor at the end of a disc is found too.
func Open(r io.ReaderAt) (fs.FS, Info, error) {
	nsr, cd, err := recognise(r)
	if err != nil {
		return nil, Info{}, err
	}
	var failed error
	if nsr {
		fsys, info, err := openUDF(r)
		info.Bridge = cd
		if err == nil {
			return fsys, info, nil
		}
		failed = fmt.Errorf("read UDF: %w", err)
	}
	if cd {
		fsys, info, err := openISO(r)
		if err == nil {
			return fsys, info, nil
		}
		failed = errors.Join(failed, fmt.Errorf("read ISO 9660: %w", err))
	}
	if failed == nil {
		failed = ErrUnknown
	}
	return nil, Info{}, failed
}

// recognise scans the volume recognition sequence, which begins at byte 32768 and has a descriptor every 2048 bytes
// whatever the sector size is.
func recognise(r io.ReaderAt) (nsr, cd bool, err error) {
	id := make([]byte, 6)
	for sector := int64(16); sector < 80; sector++ {
		if _, err := r.ReadAt(id, sector*sectorSize); err != nil {
			if sector == 16 && !errors.Is(err, io.EOF) {
				return false, false, fmt.Errorf("read media: %w", err)
			}
			return nsr, cd, nil
		}
		switch string(id[1:]) {
		case "CD001":
			cd = true
		case "NSR02", "NSR03":
			nsr = true
		case "BEA01", "TEA01", "BOOT2", "CDW02":
		case "\x00\x00\x00\x00\x00": // between descriptors, where sectors have 4096 bytes
		default:
			return nsr, cd, nil
		}
	}
	return nsr, cd, nil
}
