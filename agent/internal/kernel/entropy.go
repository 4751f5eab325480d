package kernel

import (
	"errors"
	"io/fs"
	"log/slog"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// entropyTable is where Hyper-V hands a new VM random bytes.
const entropyTable = "/sys/firmware/acpi/tables/OEM0"

// AddEntropy mixes the platform's random bytes into the kernel's, which a VM has few of when it makes its host keys.
// Nothing is credited: the kernel need not trust them. A machine without the table is fine.
func AddEntropy(files host.Files, log *slog.Logger) {
	data, err := files.ReadFile(entropyTable)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = writeKernel(files, "/dev/random", data)
	}
	if err != nil {
		log.Info("The platform's random bytes were not used", "error", err.Error())
		return
	}
	log.Info("Mixed in random bytes of the platform", "bytes", len(data))
}
