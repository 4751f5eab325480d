package scenarios

import (
	"bufio"
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/images"
)

// Header is what a script says of itself before its first action: data the runner reads before anything is booted.
type Header struct {
	Name    string   // <area>/<file without .txtar>
	Promise string   // the first comment: what is being promised
	Needs   []string // what a driver must offer, see Offers
	Only    []string // image families the script is about; empty: any
	Drivers []string // run once on each of these; empty: once, on the cheapest that will do
	Quick   bool     // part of `make test`
	Full    bool     // part of FULL=1 only: it takes long, or needs what few machines have
	Last    bool     // played after all others, and the matrix: it takes long, and a limit may end the run before it
	Matrix  bool     // what every other image is tried with, on each driver that has what the script needs
	Image   string   // the image it is about; "" is the driver's first
}

// scriptName is what a script is called: its folder and its file.
func scriptName(path string) string {
	return strings.TrimSuffix(filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path)), ".txtar")
}

// ReadHeader reads the leading comment and the needs, only, drivers, image and quick lines of a script.
func ReadHeader(path string, script []byte) (Header, error) {
	h := Header{Name: scriptName(path)}
	commentEnded := false
	lines := bufio.NewScanner(bytes.NewReader(script))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if text, ok := strings.CutPrefix(line, "#"); ok && !commentEnded {
			h.Promise = strings.TrimSpace(h.Promise + " " + strings.TrimSpace(text))
			continue
		}
		commentEnded = commentEnded || h.Promise != ""
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		known, err := h.take(words)
		if err != nil {
			return h, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if !known {
			break
		}
	}
	if h.Promise == "" {
		return h, fmt.Errorf("%s:1: a script starts with a comment that says what is promised", path)
	}
	return h, lines.Err()
}

// take reads one header line; it answers false at the first line of the story itself.
func (h *Header) take(words []string) (bool, error) {
	switch words[0] {
	case "needs":
		h.Needs = append(h.Needs, words[1:]...)
		for _, need := range words[1:] {
			if !slices.Contains(Offers["qemu"], need) {
				return true, fmt.Errorf("needs %s: no driver offers that; known: %s", need, strings.Join(Offers["qemu"], " "))
			}
		}
	case "only":
		h.Only = append(h.Only, words[1:]...)
		return true, h.checkFamilies()
	case "drivers":
		h.Drivers = append(h.Drivers, words[1:]...)
		for _, d := range words[1:] {
			if _, ok := Offers[d]; !ok {
				return true, fmt.Errorf("drivers %s: known: %s", d, strings.Join(Drivers, " "))
			}
		}
	case "image":
		if len(words) != 2 {
			return true, fmt.Errorf("image takes one id")
		}
		h.Image = words[1]
		return true, h.checkFamilies()
	case "quick":
		h.Quick = true
	case "matrix":
		h.Matrix = true
	case "full":
		h.Full = true
	case "last":
		h.Last = true
	default:
		return false, nil
	}
	return true, nil
}

// checkFamilies holds the only line against the catalog, and the image line against it.
func (h *Header) checkFamilies() error {
	if len(h.Only) == 0 {
		return nil
	}
	catalog, err := images.Load()
	if err != nil {
		return err
	}
	families := catalog.Families()
	for _, family := range h.Only {
		if !slices.Contains(families, family) {
			return fmt.Errorf("only %s: no such family in the catalog; known: %s", family, strings.Join(families, " "))
		}
	}
	if h.Image == "" {
		return nil
	}
	image, err := catalog.Image(h.Image)
	if err == nil && !slices.Contains(h.Only, image.Family) {
		err = fmt.Errorf("image %s: it is of the family %s, and the script is only about %s", h.Image, image.Family, strings.Join(h.Only, " "))
	}
	return err
}
