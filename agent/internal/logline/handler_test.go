package logline_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/logline"
	"github.com/waagent-go/waagent/agent/protocol/redact"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

func record(level slog.Level, message string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Date(2031, 2, 3, 4, 5, 6, 123000, time.FixedZone("CET", 3600)), level, message, 0)
	r.AddAttrs(attrs...)
	return r
}

func TestLinesLookLikeTheOriginals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options logline.Options
		level   slog.Level
		message string
		attrs   []slog.Attr
		want    string
	}{
		"daemon":      {logline.Options{Thread: logline.Daemon, Prefix: logline.Daemon}, slog.LevelInfo, "Provisioning starts", nil, "INFO Daemon Daemon Provisioning starts"},
		"one-shot":    {logline.Options{}, slog.LevelWarn, "odd", nil, "WARNING MainThread odd"},
		"error":       {logline.Options{}, slog.LevelError, "bad", []slog.Attr{slog.Any("error", errors.New("no disk"))}, `ERROR MainThread bad error="no disk"`},
		"verbose":     {logline.Options{Level: slog.LevelDebug}, slog.LevelDebug, "x", nil, "VERBOSE MainThread x"},
		"columns":     {logline.Options{Thread: logline.ExtHandler, Prefix: logline.ExtHandler}, slog.LevelInfo, "x", []slog.Attr{logline.Thread(logline.EnvHandler)}, "INFO EnvHandler ExtHandler x"},
		"no prefix":   {logline.Options{Thread: logline.Daemon, Prefix: logline.Daemon}, slog.LevelInfo, "x", []slog.Attr{logline.Prefix("")}, "INFO Daemon x"},
		"attributes":  {logline.Options{}, slog.LevelInfo, "done", []slog.Attr{slog.Int("seq", 3), slog.Duration("took", 1234567890), slog.String("empty", "")}, `INFO MainThread done seq=3 took=1.235s empty=""`},
		"micro":       {logline.Options{}, slog.LevelInfo, "d", []slog.Attr{slog.Duration("took", 340*time.Microsecond)}, "INFO MainThread d took=340us"},
		"group":       {logline.Options{}, slog.LevelInfo, "g", []slog.Attr{slog.Group("disk", slog.String("fs", "ext4"))}, "INFO MainThread g disk.fs=ext4"},
		"secret":      {logline.Options{}, slog.LevelInfo, "s", []slog.Attr{slog.Any("password", secret.New("hunter2"))}, "INFO MainThread s password=***REDACTED***"},
		"not ascii":   {logline.Options{}, slog.LevelInfo, "caf\u00e9 \u20ac \U0001f600 \x1b[2J", nil, `INFO MainThread caf\xe9 \u20ac \U0001f600 \x1b[2J`},
		"lines":       {logline.Options{}, slog.LevelInfo, "a\n\tb", nil, "INFO MainThread a\n\tb"},
		"line in arg": {logline.Options{}, slog.LevelInfo, "m", []slog.Attr{slog.String("out", "a\nb \"c\"")}, `INFO MainThread m out="a\nb \"c\""`},
		"sas": {logline.Options{}, slog.LevelInfo, "PUT https://a.blob.core.windows.net/c/b?sv=1&sig=AbC%3D failed", []slog.Attr{slog.String("url", "HTTPS://x/y?sig=q")},
			"INFO MainThread PUT https://a.blob.core.windows.net/c/b?<redacted> failed url=HTTPS://x/y?<redacted>"},
		"fabric url": {logline.Options{}, slog.LevelInfo, "GET http://168.63.129.16/machine/?comp=goalstate", nil, "INFO MainThread GET http://168.63.129.16/machine/?comp=goalstate"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			tc.options.Sinks = []io.Writer{&out}
			assert.NilError(t, logline.New(tc.options).Handle(t.Context(), record(tc.level, tc.message, tc.attrs...)))
			assert.Equal(t, out.String(), "2031-02-03T03:05:06.000123Z "+tc.want+"\n")
		})
	}
}

func TestWithKeepsAttributesAndSharesNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	base := slog.New(logline.New(logline.Options{Sinks: []io.Writer{&out}})).With("a", 1)
	one, two := base.With("b", 2), base.With("c", 3)
	two.WithGroup("g").Info("two", "d", 4)
	one.Info("one")
	one.Debug("silent")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Equal(t, len(lines), 2)
	assert.Assert(t, strings.HasSuffix(lines[0], "MainThread two a=1 c=3 g.d=4"), lines[0])
	assert.Assert(t, strings.HasSuffix(lines[1], "MainThread one a=1 b=2"), lines[1])
}

func TestFileIsReopenedForEveryLine(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	files := host.Files{Root: root}
	assert.NilError(t, os.MkdirAll(filepath.Join(root, "var/log"), 0o755))
	log := slog.New(logline.New(logline.Options{Sinks: []io.Writer{logline.NewFile(files)}}))
	log.Info("before")
	assert.NilError(t, files.Rename(logline.LogFile, logline.LogFile+".1"))
	log.Info("after")
	data, err := files.ReadFile(logline.LogFile)
	assert.NilError(t, err)
	assert.Assert(t, strings.HasSuffix(string(data), "after\n") && !strings.Contains(string(data), "before"))
	info, err := files.Stat(logline.LogFile)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o644))
}

func TestMissingFoldersAndConsolesAreNoError(t *testing.T) {
	t.Parallel()
	files := host.Files{Root: t.TempDir()}
	log := slog.New(logline.New(logline.Options{Sinks: []io.Writer{logline.NewFile(files), logline.NewConsole(files, nil)}}))
	log.Info("to nobody")
	assert.Assert(t, !files.Exists("/dev/console"))
}

func TestConsoleEchoEndsWhenAsked(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	assert.NilError(t, os.MkdirAll(filepath.Join(root, "dev"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(root, "dev/console"), nil, 0o600))
	on := true
	log := slog.New(logline.New(logline.Options{Sinks: []io.Writer{logline.NewConsole(host.Files{Root: root}, func() bool { return on })}}))
	log.Info("seen")
	on = false
	log.Info("unseen")
	data, err := os.ReadFile(filepath.Join(root, "dev/console"))
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(data), " seen\n") && !strings.Contains(string(data), "unseen"))
}

func TestLinesOfManyWritersStayWhole(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(logline.New(logline.Options{Sinks: []io.Writer{&out}}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				log.Info("same", "k", "v")
			}
		})
	}
	wg.Wait()
	for line := range strings.Lines(out.String()) {
		assert.Assert(t, strings.HasSuffix(line, "INFO MainThread same k=v\n"), line)
	}
}

func FuzzLineIsASCIIAndHidesSignatures(f *testing.F) {
	f.Add("https://a/b?sig=", "tail")
	f.Add("x http://h/p?a=1&amp;sig=", "\u20ac\x00")
	f.Fuzz(func(t *testing.T, before, after string) {
		const signature = "c2VjcmV0LXNpZ25hdHVyZQ"
		got := logline.ASCII(redact.SAS("https://a.blob/c?sv=1&sig=" + signature + " " + before + " " + after))
		assert.Assert(t, !strings.Contains(got, signature) || strings.Contains(before+after, signature))
		for i := range len(got) {
			assert.Assert(t, got[i] < 0x7f && (got[i] >= ' ' || got[i] == '\n' || got[i] == '\t'))
		}
	})
}
