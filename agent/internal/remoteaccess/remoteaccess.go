// Package remoteaccess keeps the just-in-time accounts that the portal asks for: made, given their password, and
// removed when their time is over. Accounts that it did not make are never touched.
package remoteaccess

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// Comment marks an account as one of ours in passwd.
const Comment = "JIT_Account"

// Accounts are the machine's accounts, as far as they are of use here.
type Accounts interface {
	// Marked lists the accounts that bear Comment.
	Marked() ([]string, error)
	// Exists reports whether there is an account of that name, marked or not.
	Exists(ctx context.Context, name string) (bool, error)
	// Create makes an account with a home, marked, that the system locks after expires; it may use sudo.
	Create(ctx context.Context, name string, expires time.Time) error
	SetPassword(ctx context.Context, name string, password secret.Text) error
	// SetExpiry moves the day on which the system locks the account.
	SetExpiry(ctx context.Context, name string, expires time.Time) error
	// Delete removes the account with its home and its right to sudo.
	Delete(ctx context.Context, name string) error
}

// Access makes the accounts be what goal states say. It is used by one goroutine.
type Access struct {
	Accounts Accounts
	// Decrypt opens a CMS message to the transport certificate.
	Decrypt func(cms []byte) ([]byte, error)
	Events  event.Sink
	Log     *slog.Logger

	incarnation string
	synced      bool
	empty       bool      // there was no document last time, and nothing of ours is left
	next        time.Time // when the next account expires; zero: none does
	known       map[string]seen
}

// seen is what the last document said of a user whose account is as it should be.
type seen struct {
	password   secret.Text // decrypted
	expiration time.Time
}

// Sync makes the accounts match w. Between incarnations it does nothing, until an account expires.
func (a *Access) Sync(ctx context.Context, w goalstate.Wanted) {
	expired := !a.next.IsZero() && !time.Now().Before(a.next)
	if a.synced && w.Incarnation == a.incarnation && !expired {
		return
	}
	if !w.HasUsers && a.empty {
		a.incarnation = w.Incarnation
		return
	}
	err := a.sync(ctx, w.Users)
	if ctx.Err() != nil {
		return
	}
	a.synced, a.incarnation, a.empty = true, w.Incarnation, !w.HasUsers && err == nil
	if err != nil {
		a.Log.Warn("Cannot make the just-in-time accounts as asked", "error", err)
		a.Events.Add(event.Event{Operation: "RemoteAccessHandling", Message: err.Error()})
	}
}

func (a *Access) sync(ctx context.Context, users []goalstate.User) error {
	marked, err := a.Accounts.Marked()
	if err != nil {
		return err
	}
	if a.known == nil {
		a.known = map[string]seen{}
	}
	a.next = time.Time{}
	var failures []error
	wanted := map[string]bool{}
	for _, u := range users {
		wanted[u.Name] = true
		if err := a.user(ctx, u, slices.Contains(marked, u.Name)); err != nil {
			failures = append(failures, fmt.Errorf("user %s: %w", u.Name, err))
		}
	}
	for _, name := range marked {
		if !wanted[name] {
			failures = append(failures, a.remove(ctx, name, "no longer wanted"))
		}
	}
	return errors.Join(failures...)
}

func (a *Access) user(ctx context.Context, u goalstate.User, ours bool) error {
	expiration, err := parseExpiration(u.Expiration)
	if err != nil {
		return err
	}
	if !time.Now().Before(expiration) {
		if ours {
			return a.remove(ctx, u.Name, "expired")
		}
		return nil
	}
	password, err := a.password(u)
	if err != nil {
		return err
	}
	if ours {
		err = a.update(ctx, u.Name, seen{password, expiration})
	} else {
		err = a.create(ctx, u.Name, password, expiration)
	}
	if err != nil {
		return err
	}
	a.known[u.Name] = seen{password, expiration}
	if a.next.IsZero() || expiration.Before(a.next) {
		a.next = expiration
	}
	return nil
}

// create makes an account, or nothing at all.
func (a *Access) create(ctx context.Context, name string, password secret.Text, expiration time.Time) error {
	exists, err := a.Accounts.Exists(ctx, name)
	if err != nil {
		return err
	}
	if exists {
		return errors.New("there is an account of that name that was not made for just-in-time access")
	}
	err = a.Accounts.Create(ctx, name, lockDay(expiration))
	if err == nil {
		err = a.Accounts.SetPassword(ctx, name, password)
	}
	if err != nil {
		return errors.Join(err, a.Accounts.Delete(ctx, name))
	}
	a.Log.Info("Made a just-in-time account", "user", name, "expires", expiration.Format(time.RFC3339))
	return nil
}

// update follows what the document has changed. After a start of the agent nothing is known to have changed: the
// password may be the user's own by now.
func (a *Access) update(ctx context.Context, name string, now seen) error {
	was, known := a.known[name]
	if !known {
		return nil
	}
	if was.password != now.password {
		if err := a.Accounts.SetPassword(ctx, name, now.password); err != nil {
			return err
		}
		a.Log.Info("Gave a just-in-time account its new password", "user", name)
	}
	if !was.expiration.Equal(now.expiration) {
		return a.Accounts.SetExpiry(ctx, name, lockDay(now.expiration))
	}
	return nil
}

func (a *Access) remove(ctx context.Context, name, why string) error {
	if err := a.Accounts.Delete(ctx, name); err != nil {
		return fmt.Errorf("remove user %s: %w", name, err)
	}
	delete(a.known, name)
	a.Log.Info("Removed a just-in-time account", "user", name, "reason", why)
	return nil
}

// lockDay is a day after the expiration: the system counts whole days, and the agent removes the account in time.
func lockDay(expiration time.Time) time.Time { return expiration.AddDate(0, 0, 1) }

// parseExpiration reads "Mon, 23 Nov 2026 11:00:00 GMT".
func parseExpiration(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	t, err := time.Parse("Mon, _2 Jan 2006 15:04:05 MST", s)
	if err != nil || !strings.HasSuffix(s, " GMT") && !strings.HasSuffix(s, " UTC") {
		return time.Time{}, fmt.Errorf("the expiration %.40q is no time", s)
	}
	return t.UTC(), nil
}

// password decrypts a user's password, UTF-16 inside.
func (a *Access) password(u goalstate.User) (secret.Text, error) {
	cms, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(u.Password.Reveal()), ""))
	if err != nil {
		return secret.Text{}, errors.New("the password is no base64")
	}
	plain, err := a.Decrypt(cms)
	if err != nil {
		return secret.Text{}, fmt.Errorf("decrypt the password: %w", err)
	}
	text, err := fromUTF16(plain)
	if err != nil {
		return secret.Text{}, err
	}
	if text == "" {
		return secret.Text{}, errors.New("the password is empty")
	}
	return secret.New(text), nil
}

// fromUTF16 reads little-endian text, or what its byte order mark says.
func fromUTF16(b []byte) (string, error) {
	if len(b)%2 != 0 {
		return "", errors.New("the password is no UTF-16")
	}
	units := make([]uint16, 0, len(b)/2)
	for pair := range slices.Chunk(b, 2) {
		units = append(units, uint16(pair[0])|uint16(pair[1])<<8)
	}
	if len(units) > 0 && units[0] == 0xfffe {
		for i, u := range units {
			units[i] = u>>8 | u<<8
		}
	}
	if len(units) > 0 && units[0] == 0xfeff {
		units = units[1:]
	}
	return string(utf16.Decode(units)), nil
}
