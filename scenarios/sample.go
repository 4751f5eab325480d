package scenarios

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/waagent-go/waagent/fabricsim/testdata"
)

// giveSample puts the sample extension into the folder sample beside a script's own files. A file that the script
// brings in its place stays.
func giveSample(dir string) error {
	template := testdata.SampleExtension()
	return fs.WalkDir(template, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, "sample", filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := fs.ReadFile(template, name)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close())
	})
}
