package media

import "fmt"

// Limits on what an image may make us do.
const (
	maxEntries     = 20000    // files and directories
	maxDepth       = 32       // directories inside each other
	maxDirectory   = 4 << 20  // bytes of one directory
	maxDirectories = 64 << 20 // bytes of all directories
	maxExtents     = 4096     // pieces of one file
	maxAllExtents  = 200000   // pieces of all files
	MaxWhole       = 64 << 20 // bytes fs.ReadFile returns at once; a larger file can still be read in pieces
)

// budget counts what one image has cost so far. Counting, rather than remembering where we have been, also ends
// images whose directories are shared instead of looped.
type budget struct{ entries, bytes, extents int64 }

func (b *budget) entry() error {
	if b.entries++; b.entries > maxEntries {
		return fmt.Errorf("more than %d files", maxEntries)
	}
	return nil
}

func (b *budget) directory(size int64) error {
	if b.bytes += max(size, 0); b.bytes > maxDirectories {
		return fmt.Errorf("more than %d bytes of directories", maxDirectories)
	}
	return nil
}

// pieces counts n more extents of a file that has had of them.
func (b *budget) pieces(n, had int) error {
	b.extents += int64(n)
	if had+n > maxExtents || b.extents > maxAllExtents {
		return fmt.Errorf("more than %d pieces, or %d in all", maxExtents, maxAllExtents)
	}
	return nil
}
