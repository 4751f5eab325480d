// Package logline writes the agent's log in the format that Azure's tools, support scripts and people have read for ten
// years: one line per record, `<UTC> <LEVEL> <thread> [<prefix> ]<message>`, then ` key=value` for each attribute. It
// decides how a line looks and where it goes, never what is worth saying.
package logline

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// The names that stand in the thread and prefix columns.
const (
	Daemon       = "Daemon"
	ExtHandler   = "ExtHandler"
	EnvHandler   = "EnvHandler"
	MainThread   = "MainThread"
	LogCollector = "LogCollector"
	Firewall     = "Firewall"
)

// Reserved attribute keys: they fill columns instead of standing behind the message.
const (
	threadKey = "logline.thread"
	prefixKey = "logline.prefix"
)

// Thread is an attribute that names the line's thread column: `log.With(logline.Thread(logline.EnvHandler))`.
func Thread(name string) slog.Attr { return slog.String(threadKey, name) }

// Prefix is an attribute that names the line's prefix column, "" for none.
func Prefix(name string) slog.Attr { return slog.String(prefixKey, name) }

// Options says how a Handler begins.
type Options struct {
	Thread string       // "": MainThread
	Prefix string       // "": none
	Level  slog.Leveler // nil: Info
	Sinks  []io.Writer  // each gets every line whole; its errors are swallowed
}

// Handler is a slog.Handler in the original's format. Copies made by With share the sinks and their lock.
type Handler struct {
	out    *output
	level  slog.Leveler
	thread string
	prefix string
	group  string // "a.b." before the keys that follow
	attrs  []byte // already formatted
}

type output struct {
	mu    sync.Mutex
	sinks []io.Writer
}

// New returns a Handler that writes to o.Sinks.
func New(o Options) *Handler {
	h := &Handler{out: &output{sinks: o.Sinks}, level: o.Level, thread: o.Thread, prefix: o.Prefix}
	if h.level == nil {
		h.level = slog.LevelInfo
	}
	if h.thread == "" {
		h.thread = MainThread
	}
	return h
}

// Enabled reports whether the level is written at all.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level.Level() }

// Handle writes one record to every sink. It never fails: an agent that cannot log goes on working.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	line := *h // the record's own attributes may name columns
	r.Attrs(func(a slog.Attr) bool {
		line.add(a)
		return true
	})
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	text := line.format(at, r.Level, r.Message)
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	for _, w := range h.out.sinks {
		_, _ = w.Write(text)
	}
	return nil
}

// WithAttrs returns a Handler that writes attrs on each of its lines.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		c.add(a)
	}
	return &c
}

// WithGroup returns a Handler that puts name and a dot before the keys that follow.
func (h *Handler) WithGroup(name string) slog.Handler {
	c := *h
	if name != "" {
		c.group += name + "."
	}
	return &c
}
