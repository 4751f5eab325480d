package extension

import (
	"context"
	"errors"
	"fmt"

	"github.com/waagent-go/waagent/agent/internal/status"
)

// The classes of errors; portal users and test suites match on them in messages.
const (
	classError        = "ExtensionError"
	classOperation    = "ExtensionOperationError"
	classUpdate       = "ExtensionUpdateError"
	classDownload     = "ExtensionDownloadError"
	classConfig       = "ExtensionConfigError"
	classMultiEnable  = "MultiConfigExtensionEnableError"
	classDisallowed   = "ExtensionPolicyError"
	classDependencies = "ExtensionDependencyError"
)

// failure is why a handler is not what was wanted of it, as it is reported.
type failure struct {
	class    string
	code     int
	message  string
	reported bool // an event about it has been sent already
	// overwrites makes the message replace the extension's own status file.
	overwrites bool
	cause      error
	event      string // the operation that failed, in the fabric's words; "" if none ran
}

func (f *failure) Error() string { return "[" + f.class + "] " + f.message }
func (f *failure) Unwrap() error { return f.cause }

// fail makes a failure of err, whose text becomes the message.
func fail(class string, code int, err error) *failure {
	return &failure{class: class, code: code, message: err.Error(), cause: err}
}

// failText makes a failure whose text is part of the contract with those who read it.
func failText(class string, code int, format string, args ...any) *failure {
	return &failure{class: class, code: code, message: fmt.Sprintf(format, args...)}
}

// asFailure is err as it is reported: anything that is no failure yet is one nobody foresaw.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return fail(classError, status.CodeUnknown, err)
}

// errDied stands for the death of the process at a failpoint: nothing more is written.
var errDied = errors.New("the process died here")

// stopped says that err is not the handler's: the agent is to stop.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, errDied)
}

// failpoint gives a test the chance to let the process die before something is done.
func (e *Engine) failpoint(format string, args ...any) error {
	if e.o.Failpoint == nil {
		return nil
	}
	if err := e.o.Failpoint(fmt.Sprintf(format, args...)); err != nil {
		return fmt.Errorf("%w: %w", errDied, err)
	}
	return nil
}
